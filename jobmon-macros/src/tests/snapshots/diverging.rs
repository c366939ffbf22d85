fn serve(x: u8) -> ! {
    let __jobmon_guard = ::jobmon::__private::guard({
        static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(::jobmon::__private::Facts {
            name: "serve",
            module: ::jobmon::__private::core::module_path!(),
            file: ::jobmon::__private::core::file!(),
            line: ::jobmon::__private::core::line!(),
            operation: ::jobmon::__private::Operation::InvokeAgent,
            provider: ::jobmon::__private::core::option::Option::None,
            model: ::jobmon::__private::core::option::Option::None,
            feature: ::jobmon::__private::core::option::Option::None,
            track: ::jobmon::__private::Track {
                tokens: true,
                latency: true,
                errors: true,
                retries: true,
            },
            manual_usage: false,
        });
        ::jobmon::__private::start(&__JOBMON_SITE)
    });
    {
        loop {
            go(x)
        }
    }
}
