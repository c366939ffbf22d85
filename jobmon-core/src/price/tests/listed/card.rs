//! Rates that are kept.

use super::*;
use crate::price::card::Cards;

/// Usage of everything that a card has.
fn common() -> impl Strategy<Value = Usage> {
    let tokens = || prop_oneof![Just(0), 0..3_000_u64, 0..3_000_000_u64, 199_990..200_010_u64];
    (prop::array::uniform5(tokens()), any::<[bool; 5]>()).prop_map(|(counts, given)| {
        let [input, output, read, written, reasoning] = counts;
        let some = |at: usize, count: u64| given[at].then_some(count);
        Usage {
            input: some(0, input),
            output: some(1, output),
            cache_read: some(2, read % (input + 1)),
            cache_write: some(3, written % (input - read % (input + 1) + 1)),
            reasoning: some(4, reasoning % (output + 1)),
            ..Usage::default()
        }
    })
}

#[test]
fn cards_say_what_the_list_says() {
    let models = Prices::bundled().models();
    let list = Calculator::bundled();
    let cards = Cards::default();
    let model = (0..models.len()).prop_map(|at| models[at].clone());
    let context = prop::sample::select(vec![
        vec![],
        vec![("service_tier", "flex")],
        vec![("processing", "batch")],
        vec![("service_tier", "default")],
    ]);
    let hours = 0..30_000_u64;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1_500));
    let cases = (model, common(), context, hours);
    let ran = runner.run(&cases, |(model, usage, context, hours)| {
        let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + hours * 3_600);
        let request =
            PriceRequest::new(Some(&model.provider), &model.model, at, &usage).with_context(&context);
        let asked = list::ask(&list::Query::new(list, &request)).0;
        for _ in 0..2 {
            let by_card = list::price(list, &cards, &request);
            prop_assert_eq!(by_card.grade(), asked.grade(), "{} and {}", by_card, asked);
            // A half is rounded as floating point has it in one, up in the other.
            prop_assert!(
                (by_card.floor().nanos() - asked.floor().nanos()).abs() <= 1,
                "{} {}",
                by_card,
                asked
            );
        }
        Ok(())
    });
    ran.expect("the same");
}

#[test]
fn halves_are_rounded_up_whoever_asks_first() {
    // 37.5 nanodollars for a cached token.
    let usage = Usage::new(1, 0).with_cache_read(1);
    let list = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
        {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1, "cache_read_mtok": 0.0375, "output_mtok": 1}}]}]"#;
    let prices = Prices::from_json(list).expect("a list");
    let request = PriceRequest::new(Some("acme"), "m", now(), &usage);
    assert_eq!(
        [prices.price(&request), prices.explain(&request).cost, prices.price(&request)],
        [known(38); 3]
    );
}

#[test]
fn a_card_does_not_outlive_its_price() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let usage = Usage::new(1_000_000, 0);
    let prices = Prices::bundled();
    let ask = |model, at| prices.price(&PriceRequest::new(Some("deepseek"), model, at, &usage));
    let day = 1_795_478_400;
    for _ in 0..2 {
        assert_eq!(ask("deepseek-v4-flash", at(day + 3_599)), known(150_000_000));
        assert_eq!(ask("deepseek-v4-flash", at(day + 3_600)), known(300_000_000));
        assert_eq!(ask("deepseek-v4-flash", at(day + 4 * 3_600)), known(150_000_000));
        assert_eq!(ask("deepseek-v4-flash", at(1_780_000_000)), known(140_000_000));
    }
    // A price that changes within a minute is asked for each time.
    let list = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [{"id": "m", "match": {"equals": "m"}, "prices": [
        {"prices": {"input_mtok": 1}},
        {"constraint": {"start_time": "12:00:30Z", "end_time": "13:00:00Z"}, "prices": {"input_mtok": 2}}]}]}]"#;
    let prices = Prices::from_json(list).expect("a list");
    let ask =
        |seconds| prices.price(&PriceRequest::new(Some("acme"), "m", at(day + 43_200 + seconds), &usage));
    for _ in 0..2 {
        assert_eq!(
            [ask(29), ask(30), ask(3_600)].map(|cost| cost.floor().nanos() / 1_000_000_000),
            [1, 2, 1]
        );
    }
}
