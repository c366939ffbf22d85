fn ask<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>> {
    return ::jobmon::__private::make_boxed(
        {
            static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(
                "ask",
                ::jobmon::__private::core::module_path!(),
                ::jobmon::__private::Operation::InvokeAgent,
                ["", "", ""],
            );
            ::jobmon::__private::start(&__JOBMON_SITE)
        },
        move || -> Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>> {
            Box::pin(async move { self.go().await })
        },
        |
            __jobmon_call,
            __jobmon_made,
        | -> Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>> {
            ::jobmon::__private::Box::pin(
                ::jobmon::__private::monitor::<
                    _,
                    Result<(u64, u8), E>,
                    _,
                >(
                    __jobmon_call,
                    __jobmon_made,
                    |__jobmon_output| match ::jobmon::__private::Output::of(
                            __jobmon_output,
                        )
                        .__jobmon_split()
                    {
                        ::jobmon::__private::core::result::Result::Ok(__jobmon_value) => {
                            ::jobmon::__private::succeeded(
                                ::jobmon::__private::told(
                                    __jobmon_value,
                                    |out| Usage::new(out.0, 1),
                                ),
                            )
                        }
                        ::jobmon::__private::core::result::Result::Err(
                            __jobmon_error,
                        ) => {
                            ::jobmon::__private::failed(
                                ::jobmon::__private::categorised(
                                    __jobmon_error,
                                    ::jobmon::__private::Failing::of(__jobmon_error)
                                        .__jobmon_failure()
                                        .__jobmon_else(),
                                    |e| ErrorCategory::Quota,
                                ),
                            )
                        }
                    },
                ),
            )
        },
    );
}
