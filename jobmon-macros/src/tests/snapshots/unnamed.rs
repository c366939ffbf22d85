async fn list(xs: &[u8]) -> Result<impl Iterator<Item = &u8>, Box<dyn Error>> {
    #![allow(unused)]
    ::other::path::__private::monitor::<
        _,
        Result<_, Box<dyn Error>>,
        _,
    >(
            {
                static __JOBMON_SITE: ::other::path::__private::Site = ::other::path::__private::Site::new(::other::path::__private::Facts {
                    name: "list",
                    module: ::other::path::__private::core::module_path!(),
                    file: ::other::path::__private::core::file!(),
                    line: ::other::path::__private::core::line!(),
                    operation: ::other::path::__private::Operation::InvokeAgent,
                    provider: ::other::path::__private::core::option::Option::None,
                    model: ::other::path::__private::core::option::Option::None,
                    feature: ::other::path::__private::core::option::Option::None,
                    track: ::other::path::__private::Track {
                        tokens: true,
                        latency: true,
                        errors: true,
                        retries: true,
                    },
                    manual_usage: false,
                });
                ::other::path::__private::start(&__JOBMON_SITE)
            },
            async move {
                if let ::other::path::__private::core::option::Option::Some(
                    __jobmon_hint,
                ) = ::other::path::__private::core::option::Option::None::<
                    Result<_, Box<dyn Error>>,
                > {
                    return __jobmon_hint;
                }
                {
                    Ok(xs.iter())
                }
            },
            |__jobmon_output| ::other::path::__private::seen(
                ::other::path::__private::Output::of(__jobmon_output).__jobmon_split(),
                |__jobmon_value| {
                    ::other::path::__private::Answering::of(__jobmon_value)
                        .__jobmon_answer()
                        .__jobmon_read()
                },
                |__jobmon_error| {
                    ::other::path::__private::FailingOwned::of(__jobmon_error)
                        .__jobmon_failure()
                },
            ),
        )
        .await
}
