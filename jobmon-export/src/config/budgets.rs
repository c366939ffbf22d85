//! `[[budgets]]` in `jobmon.toml`.

use super::document::{Item, Mistake, boolean, expected, named, place, share, string, unknown};
use super::list;
use jobmon_core::{Budget, Dimension, Unpriced};
use toml::de::DeTable;

const KEYS: [&str; 13] = [
    "name", "limit", "per", "total", "feature", "model", "user", "session", "each", "warn_at", "action",
    "estimate", "unpriced",
];

/// Reads all of them.
pub(super) fn read(value: &Item<'_>) -> Result<Vec<Budget>, Mistake> {
    named(value, "budget", budget, Budget::name)
}

/// One budget of the table that begins at some place.
fn budget(at: usize, table: &DeTable<'_>) -> Result<Budget, Mistake> {
    let name = match table.get("name") {
        Some(name) => string(name)?,
        None => return Err(Mistake { at, problem: "this budget has no `name`; name it".to_owned() }),
    };
    let mut budget = Budget::new(name);
    for (key, value) in table {
        budget = match key.get_ref().as_ref() {
            "name" => budget,
            "limit" => budget.limit(string(value)?),
            "estimate" => budget.estimate(string(value)?),
            "per" => per(budget, value)?,
            "total" => {
                if boolean(value)? {
                    budget.total()
                } else {
                    budget
                }
            }
            "feature" => budget.feature(string(value)?),
            "model" => budget.model(string(value)?),
            "user" => budget.user(string(value)?),
            "session" => budget.session(string(value)?),
            "each" => {
                let dimension = string(value)?.parse::<Dimension>();
                budget.each(
                    dimension
                        .map_err(|_| expected(value, "\"feature\", \"model\", \"user\" or \"session\""))?,
                )
            }
            "warn_at" => budget.warn_at(share(value)?),
            "action" => match string(value)?.as_str() {
                "block" => budget.block(),
                "warn" => budget.warn(),
                _ => return Err(expected(value, "\"block\" or \"warn\"")),
            },
            "unpriced" => match string(value)?.as_str() {
                "allow" => budget.unpriced(Unpriced::Allow),
                "block" => budget.unpriced(Unpriced::Block),
                _ => return Err(expected(value, "\"allow\" or \"block\"")),
            },
            other => return Err(unknown(key.span().start, other, "key of a budget", &list(KEYS))),
        };
    }
    match budget.check() {
        Ok(()) => Ok(budget),
        Err(error) => Err(Mistake { at: place(table, error.key).unwrap_or(at), problem: error.to_string() }),
    }
}

fn per(budget: Budget, value: &Item<'_>) -> Result<Budget, Mistake> {
    const EXPECTED: &str = "\"hour\", \"day\", \"week\", \"month\", or a duration such as \"90m\" or \"5h\" for the time just passed";
    let text = string(value).map_err(|_| expected(value, EXPECTED))?;
    Ok(match text.as_str() {
        "hour" => budget.per_hour(),
        "day" => budget.per_day(),
        "week" => budget.per_week(),
        "month" => budget.per_month(),
        other => budget.per(super::duration(other).ok_or_else(|| expected(value, EXPECTED))?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::file::{NAME, parse};
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_key_is_read() {
        let text = r#"
            [[budgets]]
            name = "analysis"
            limit = "$5"
            per = "day"
            action = "block"
            estimate = "$0.02"
            unpriced = "block"
            [[budgets]]
            name = "users"
            limit = "2M tokens"
            per = "90m"
            total = true
            each = "user"
            warn_at = 0.5
            action = "warn"
            [[budgets]]
            name = "some"
            limit = "$1"
            per = "month"
            feature = "f"
            model = "m"
            user = "u"
            session = "s"
        "#;
        let budgets = parse(NAME, text).expect("correct").budgets;
        let expected = [
            Budget::new("analysis").limit("$5").per_day().block().estimate("$0.02").unpriced(Unpriced::Block),
            Budget::new("users")
                .limit("2M tokens")
                .per(Duration::from_secs(5_400))
                .total()
                .each(Dimension::User)
                .warn_at(0.5),
            Budget::new("some").limit("$1").per_month().feature("f").model("m").user("u").session("s"),
        ];
        assert_eq!(budgets, expected);
    }

    #[test]
    fn budgets_add_up_and_of_one_name_the_first_source_counts() {
        let named = |name: &'static str, limit: &'static str| Budget::new(name).limit(limit).per_day();
        let config = |budgets: &[Budget]| Config { budgets: budgets.to_vec(), ..Config::default() };
        let code = config(&[named("a", "$1"), named("b", "$2")]);
        let file = config(&[named("b", "$3"), named("c", "$4")]);
        assert_eq!(code.over(file).budgets, [named("a", "$1"), named("b", "$2"), named("c", "$4")]);
    }

    #[test]
    fn mistakes_name_place_problem_and_what_is_accepted() {
        for (text, place, problem) in [
            (
                "\n[[budgets]]\nname = 'a'\nper = 'day'",
                "jobmon.toml:2:1",
                "budget `a` has no limit; give it one",
            ),
            ("[[budgets]]\nlimit = '$5'\nper = 'day'", "jobmon.toml:1:1", "this budget has no `name`"),
            ("[[budgets]]\nname = 'a'\nlimit = '$5'", "jobmon.toml:1:1", "says of no time"),
            ("[[budgets]]\nname = 'a'\nlimit = '5'\nper = 'day'", "jobmon.toml:3:9", "`5` is no amount"),
            ("[[budgets]]\nname = 'a'\nlimit = '$0'\nper = 'day'", "jobmon.toml:3:9", "more than zero"),
            ("[[budgets]]\nname = 'a'\nlimit = 5\nper = 'day'", "jobmon.toml:3:9", "expected text in quotes"),
            ("[[budgets]]\nname = 'a'\nper = 'dya'", "jobmon.toml:3:7", "expected \"hour\", \"day\""),
            (
                "[[budgets]]\nname = 'a'\nlimt = '$5'",
                "jobmon.toml:3:1",
                "unknown key of a budget `limt`; expected any of: name, limit",
            ),
            ("[[budgets]]\nname = 'a'\neach = 'users'", "jobmon.toml:3:8", "expected \"feature\", \"model\""),
            (
                "[[budgets]]\nname = 'a'\naction = 'stop'",
                "jobmon.toml:3:10",
                "expected \"block\" or \"warn\"",
            ),
            (
                "[[budgets]]\nname = 'a'\nunpriced = 'x'",
                "jobmon.toml:3:12",
                "expected \"allow\" or \"block\"",
            ),
            ("[[budgets]]\nname = 'a'\nwarn_at = 80", "jobmon.toml:3:11", "expected a number from 0 to 1"),
            ("budgets = 5", "jobmon.toml:1:11", "expected tables such as `[[budgets]]`"),
            ("[budgets]\nname = 'a'", "jobmon.toml:1:1", "expected tables such as `[[budgets]]`"),
            (
                "[[budgets]]\nname = 'a'\nlimit = '$5'\nper = 'day'\n[[budgets]]\nname = 'a'\nlimit = '$5'\nper = 'day'",
                "jobmon.toml:6:8",
                "budget `a` is there twice",
            ),
        ] {
            let error = parse(NAME, text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
            assert!(error.ends_with('^'), "{error}");
        }
    }
}
