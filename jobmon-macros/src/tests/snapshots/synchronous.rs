fn count(&mut self, x: u8) -> Option<u8> {
    return ::jobmon::__private::call_once(
        {
            static __JOBMON_SITE: ::jobmon::__private::Site = ::jobmon::__private::Site::new(
                "count",
                ::jobmon::__private::core::module_path!(),
                ::jobmon::__private::Operation::InvokeAgent,
                ["", "", ""],
            );
            ::jobmon::__private::start(&__JOBMON_SITE)
        },
        move || -> Option<u8> {
            let y = x.checked_add(1)?;
            Some(y)
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
    );
}
