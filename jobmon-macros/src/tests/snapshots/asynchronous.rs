/// Asks.
pub async fn ask(request: Request, job: &Job) -> Result<Completion, Error> {
    return ::jobmon::__private::monitor::<
        _,
        Result<Completion, Error>,
        _,
    >(
            {
                static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(
                    "ask",
                    ::jobmon::__private::core::module_path!(),
                    ::jobmon::__private::Operation::Chat,
                    ["openai", "", ""],
                );
                ::jobmon::__private::start_with(
                    &__JOBMON_SITE,
                    |__jobmon_call| {
                        ::jobmon::__private::Setting::model(
                            __jobmon_call,
                            &(request.model),
                        );
                        ::jobmon::__private::Setting::field(
                            __jobmon_call,
                            "job.id",
                            ::jobmon::__private::display(&(job.id)),
                        );
                        ::jobmon::__private::Setting::field(
                            __jobmon_call,
                            "n",
                            ::jobmon::__private::value(&(1)),
                        );
                    },
                )
            },
            async move {
                if let ::jobmon::__private::core::option::Option::Some(__jobmon_hint) = ::jobmon::__private::core::option::Option::None::<
                    Result<Completion, Error>,
                > {
                    ::jobmon::__private::captured(request);
                    return __jobmon_hint;
                }
                {
                    send(request).await
                }
            },
            |__jobmon_output| match ::jobmon::__private::Output::of(__jobmon_output)
                .__jobmon_split()
            {
                ::jobmon::__private::core::result::Result::Ok(__jobmon_value) => {
                    ::jobmon::__private::succeeded(
                        ::jobmon::__private::Answering::of(__jobmon_value)
                            .__jobmon_answer()
                            .__jobmon_read(),
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
        )
        .await;
}
