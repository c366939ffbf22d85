//! Prices of a running program follow their files; wrong ones change nothing.

use jobmon_core::testing::Collect;
use jobmon_core::{Cost, Event, Usage, Usd, current, instrument_llm};
use jobmon_export::Monitor;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[instrument_llm(provider = "house", model = "house-70b", usage = manual, crate = ::jobmon_core)]
fn ask() {
    current().usage(Usage::new(1_000_000, 0));
}

/// A changed file has another length or time; the same second and length would not be told apart.
fn write(path: &Path, text: &str) {
    static PADDING: Mutex<usize> = Mutex::new(0);
    let mut padding = PADDING.lock().expect("no test panics here");
    *padding += 1;
    std::fs::write(path, format!("{text}\n{}", "\n".repeat(*padding))).expect("written");
}

fn dollars(dollars: i64) -> Cost {
    Cost::Known(Usd::from_dollars(dollars))
}

#[test]
fn prices_follow_their_files_and_wrong_ones_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (toml, list) = (folder.path().join("jobmon.toml"), folder.path().join("prices.json"));
    let own = |input: &str| {
        format!(
            "[prices]\nfile = '{}'\ncheck_interval = '1h'\n[[prices.models]]\nmodel = 'house-*'\ninput_mtok = {input}\n",
            list.display()
        )
    };
    let listed = |input: &str| {
        format!(
            r#"[{{"id": "house", "name": "House", "api_pattern": "house", "models": [
                {{"id": "house-70b", "match": {{"equals": "house-70b"}}, "prices": {{"input_mtok": {input}}}}}]}}]"#
        )
    };
    write(&list, &listed("7"));
    write(&toml, &own("2"));
    let said = Arc::new(Mutex::new(Vec::new()));
    let collect = Collect::default();
    let guard = Monitor::builder()
        .config_file(&toml)
        .exporter(collect.clone())
        .on_warning({
            let said = Arc::clone(&said);
            move |text| said.lock().expect("no test panics here").push(text.to_owned())
        })
        .install_local()
        .expect("a monitor");
    let ask = || {
        ask();
        assert!(guard.flush(std::time::Duration::from_secs(20)));
        let Some(Event::Call(call)) = collect.events().pop() else { panic!("a call") };
        (call.cost.expect("a cost"), call.prices.as_deref().unwrap_or_default().to_owned())
    };
    let (cost, version) = ask();
    assert_eq!(cost, dollars(2), "{version}");
    assert_eq!(guard.reload_prices(), Ok(false), "nothing has changed");

    write(&toml, &own("3"));
    assert_eq!(guard.reload_prices(), Ok(true));
    let (cost, later) = ask();
    assert_eq!(cost, dollars(3));
    assert_ne!(version, later, "each record tells its prices");

    write(&toml, &own("-3"));
    let error = guard.reload_prices().expect_err("negative").to_string();
    assert!(error.contains("jobmon.toml:6:14: a price cannot be negative"), "{error}");
    assert!(error.contains("  | input_mtok = -3\n  |              ^"), "{error}");
    assert_eq!(ask(), (dollars(3), later.clone()), "those in force stay in force");
    write(&list, "[{]");
    let error = guard.reload_prices().expect_err("no list").to_string();
    assert!(error.contains("jobmon.toml:6:14"), "{error}");

    write(&toml, &own("4"));
    let error = guard.reload_prices().expect_err("no list").to_string();
    assert!(error.contains("prices.json: it is no price list of genai-prices"), "{error}");
    assert_eq!(ask(), (dollars(3), later), "those in force stay in force");

    write(&list, &listed("8"));
    write(&toml, &own("5").replace("house-*", "other"));
    assert_eq!(guard.reload_prices(), Ok(true));
    assert_eq!(ask().0, dollars(8), "the list's own");
    drop(guard);
    assert_eq!(*said.lock().expect("no test panics here"), [""; 0]);
}

#[test]
fn a_running_program_takes_new_prices_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = folder.path().join("jobmon.toml");
    let own = |input: i64| {
        format!(
            "flush_interval = '1ms'\n[prices]\ncheck_interval = '1ms'\n[[prices.models]]\nmodel = 'house-70b'\ninput_mtok = {input}\n"
        )
    };
    write(&toml, &own(2));
    let collect = Collect::default();
    let guard =
        Monitor::builder().config_file(&toml).exporter(collect.clone()).install_local().expect("a monitor");
    let ask = || {
        ask();
        assert!(guard.flush(std::time::Duration::from_secs(20)));
        let Some(Event::Call(call)) = collect.events().pop() else { panic!("a call") };
        call.cost.expect("a cost")
    };
    assert_eq!(ask(), dollars(2));
    write(&toml, &own(9));
    let taken = (0..10_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        ask() == dollars(9)
    });
    assert!(taken, "within ten seconds and more");
}
