fn ask(x: &str) -> impl Future<Output = Result<Answer, Error>> + Send {
    return ::jobmon::__private::make(
        {
            static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(
                "ask",
                ::jobmon::__private::core::module_path!(),
                ::jobmon::__private::Operation::InvokeAgent,
                ["", "", ""],
            );
            ::jobmon::__private::start(&__JOBMON_SITE)
        },
        move || {
            let y = x.len();
            async move { go(y).await }
        },
        |__jobmon_call, __jobmon_made| ::jobmon::__private::monitor::<
            _,
            Result<Answer, Error>,
            _,
        >(
            __jobmon_call,
            __jobmon_made,
            |__jobmon_output| match ::jobmon::__private::Output::of(__jobmon_output)
                .__jobmon_split()
            {
                ::jobmon::__private::core::result::Result::Ok(__jobmon_value) => {
                    ::jobmon::__private::succeeded(
                        ::jobmon::__private::Answering::of(__jobmon_value)
                            .__jobmon_answer()
                            .__jobmon_required::<Result<Answer, Error>>(),
                    )
                }
                ::jobmon::__private::core::result::Result::Err(__jobmon_error) => {
                    ::jobmon::__private::failed(
                        ::jobmon::__private::Failing::of(__jobmon_error)
                            .__jobmon_failure()
                            .__jobmon_else(),
                    )
                }
            },
        ),
    );
}
