fn serve(x: u8) -> ! {
    let __jobmon_guard = ::jobmon::__private::guard({
        static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(
            "serve",
            ::jobmon::__private::core::module_path!(),
            ::jobmon::__private::Operation::InvokeAgent,
            ["", "", ""],
        );
        ::jobmon::__private::start(&__JOBMON_SITE)
    });
    {
        loop {
            go(x)
        }
    }
}
