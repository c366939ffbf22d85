/// Asks.
pub async fn ask(request: Request, job: &Job) -> Result<Completion, Error> {
    ::jobmon::__private::monitor::<
        _,
        Result<Completion, Error>,
        _,
    >(
            {
                static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(::jobmon::__private::Facts {
                    name: "ask",
                    module: ::jobmon::__private::core::module_path!(),
                    file: ::jobmon::__private::core::file!(),
                    line: ::jobmon::__private::core::line!(),
                    operation: ::jobmon::__private::Operation::Chat,
                    provider: ::jobmon::__private::core::option::Option::Some("openai"),
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
                #[allow(unreachable_code)]
                if let ::jobmon::__private::core::option::Option::Some(__jobmon_hint) = ::jobmon::__private::core::option::Option::None::<
                    Result<Completion, Error>,
                > {
                    return __jobmon_hint;
                    ::jobmon::__private::captured(request);
                }
                {
                    send(request).await
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
        .await
}
