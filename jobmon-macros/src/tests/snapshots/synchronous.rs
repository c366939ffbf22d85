fn count(&mut self, x: u8) -> Option<u8> {
    ::jobmon::__private::call_once(
        {
            static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(::jobmon::__private::Facts {
                name: "count",
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
        },
        move || {
            if let ::jobmon::__private::core::option::Option::Some(__jobmon_hint) = ::jobmon::__private::core::option::Option::None::<
                Option<u8>,
            > {
                return __jobmon_hint;
            }
            {
                let y = x.checked_add(1)?;
                Some(y)
            }
        },
        |__jobmon_output| ::jobmon::__private::seen(
            ::jobmon::__private::Output::of(__jobmon_output).__jobmon_split(),
            |__jobmon_value| {
                ::jobmon::__private::Answering::of(__jobmon_value)
                    .__jobmon_answer()
                    .__jobmon_read()
            },
            |__jobmon_error| {
                ::jobmon::__private::Failing::of(__jobmon_error).__jobmon_failure()
            },
        ),
    )
}
