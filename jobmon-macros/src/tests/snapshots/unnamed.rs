async fn list(xs: &[u8]) -> Result<impl Iterator<Item = &u8>, Box<dyn Error>> {
    #![allow(unused)]
    return ::other::path::__private::monitor::<
        _,
        Result<_, Box<dyn Error>>,
        _,
    >(
            {
                static __JOBMON_SITE: ::other::path::__private::Site = ::other::path::__private::Site::new(
                    "list",
                    ::other::path::__private::core::module_path!(),
                    ::other::path::__private::Operation::InvokeAgent,
                    ["", "", ""],
                );
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
            |__jobmon_output| match ::other::path::__private::Output::of(__jobmon_output)
                .__jobmon_split()
            {
                ::other::path::__private::core::result::Result::Ok(__jobmon_value) => {
                    ::other::path::__private::succeeded(
                        ::other::path::__private::Answering::of(__jobmon_value)
                            .__jobmon_answer()
                            .__jobmon_read(),
                    )
                }
                ::other::path::__private::core::result::Result::Err(__jobmon_error) => {
                    ::other::path::__private::failed(
                        ::other::path::__private::FailingOwned::of(__jobmon_error)
                            .__jobmon_failure()
                            .__jobmon_else(),
                    )
                }
            },
        )
        .await;
}
