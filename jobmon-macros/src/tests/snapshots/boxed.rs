fn ask<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>> {
    ::jobmon::__private::Box::pin(
        ::jobmon::__private::monitor_made::<
            Result<(u64, u8), E>,
            _,
            _,
        >(
            {
                static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(::jobmon::__private::Facts {
                    name: "ask",
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
                    Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>>,
                > {
                    return __jobmon_hint;
                }
                {
                    Box::pin(async move { self.go().await })
                }
            },
            |__jobmon_output| ::jobmon::__private::seen(
                ::jobmon::__private::Output::of(__jobmon_output).__jobmon_split(),
                |__jobmon_value| ::jobmon::__private::told(
                    __jobmon_value,
                    |out| Usage::new(out.0, 1),
                ),
                |__jobmon_error| ::jobmon::__private::categorised(
                    __jobmon_error,
                    ::jobmon::__private::Failing::of(__jobmon_error).__jobmon_failure(),
                    |e| ErrorCategory::Quota,
                ),
            ),
        ),
    )
}
