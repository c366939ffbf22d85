//! Reads conditions.

use super::condition::{Comparator, Comparison, Condition, ConditionError, Function, Node, Threshold};
use super::literal::{Literal, check_function};
use crate::dimension::Dimension;
use crate::measure::Measure;
use crate::query::Filter;
use crate::text::Text;
use crate::words::UnknownWord;
/// How deep parentheses may be.
const DEEPEST: usize = 32;

/// A mistake, and the byte it stands at.
struct Mistake {
    at: usize,
    problem: String,
}

type Read<T> = Result<T, Mistake>;

pub(super) fn condition(text: &str) -> Result<Condition, ConditionError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let read = reader.any().and_then(|node| {
        reader.skip();
        if reader.rest().is_empty() {
            Ok(Condition(node))
        } else if reader.rest().starts_with(')') {
            reader.fail("this `)` closes nothing")
        } else {
            reader.fail("expected `and`, `or` or the end")
        }
    });
    read.map_err(|Mistake { at, problem }| {
        // One line, so that the caret stands below its place.
        let condition = text.replace(|c: char| c.is_control(), " ");
        let at = text.get(..at).map_or(0, |before| before.chars().count());
        ConditionError { condition, at, problem }
    })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Read<T> {
        Err(Mistake { at: self.at, problem: problem.into() })
    }

    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let there = self.rest().starts_with(sign);
        if there {
            self.at += sign.len();
        }
        there
    }

    /// The next word; empty where there is none.
    fn word(&mut self) -> &'t str {
        self.skip();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes a word if it is the next one.
    fn keyword(&mut self, word: &str) -> bool {
        let before = self.at;
        let there = self.word().eq_ignore_ascii_case(word);
        if !there {
            self.at = before;
        }
        there
    }

    fn any(&mut self) -> Read<Node> {
        self.joined("or", Self::all, Node::Any)
    }

    fn all(&mut self) -> Read<Node> {
        self.joined("and", Self::term, Node::All)
    }

    fn joined(
        &mut self,
        word: &str,
        read: fn(&mut Self) -> Read<Node>,
        join: fn(Vec<Node>) -> Node,
    ) -> Read<Node> {
        let first = read(self)?;
        let mut nodes = vec![first];
        while self.keyword(word) {
            nodes.push(read(self)?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { join(nodes) })
    }

    fn term(&mut self) -> Read<Node> {
        if !self.take("(") {
            return self.comparison().map(Node::Compare);
        }
        let opened = self.at - 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fail("parentheses are too deep");
        }
        let node = self.any()?;
        self.depth -= 1;
        if !self.take(")") {
            return Err(Mistake { at: opened, problem: "this `(` is not closed".to_owned() });
        }
        Ok(node)
    }

    fn comparison(&mut self) -> Read<Comparison> {
        self.skip();
        let start = self.at;
        let name = self.word();
        let function =
            Function::NAMED.iter().find(|(known, _)| *known == name).map(|(_, function)| *function);
        let function = function.filter(|_| self.take("("));
        let (at, name) = if function.is_some() {
            self.skip();
            (self.at, self.word())
        } else {
            (start, name)
        };
        let measure = self.measure(at, name)?;
        let filters = self.filters()?;
        if let Some(function) = function {
            if !self.take(")") {
                return self.fail("expected `)` after the measure");
            }
            check_function(function, measure).map_err(|problem| Mistake { at, problem })?;
        }
        self.skip();
        let at = self.at;
        let found = Comparator::ALL.iter().find(|(symbol, _)| self.take(symbol));
        let Some((symbol, comparator)) = found else {
            let hint = if self.rest().starts_with('=') { "; equality is `==`" } else { "" };
            return self.fail(format!(
                "expected a comparison after `{}`: one of >, >=, <, <=, ==, !={hint}",
                measure.name
            ));
        };
        // So that `>>` and `=>` are told at their own place.
        if self.rest().starts_with(['<', '>', '=', '!']) {
            let problem =
                format!("`{symbol}` is followed by another sign; expected one of >, >=, <, <=, ==, !=");
            return Err(Mistake { at, problem });
        }
        let function = function.unwrap_or(Function::Value);
        let threshold = self.threshold(function, measure, *comparator)?;
        Ok(Comparison { function, measure, filters, comparator: *comparator, threshold })
    }

    fn measure(&self, at: usize, name: &str) -> Read<&'static Measure> {
        if name.is_empty() {
            let found = self.text[at..].chars().next();
            let problem = match found {
                None => "expected a measure, such as `error_rate > 5%`".to_owned(),
                Some(sign) => format!("expected a measure, such as `error_rate`, and not `{sign}`"),
            };
            return Err(Mistake { at, problem });
        }
        Measure::named(name).map_err(|error| Mistake { at, problem: error.to_string() })
    }

    fn filters(&mut self) -> Read<Vec<Filter>> {
        let mut filters = Vec::new();
        if !self.take("{") {
            return Ok(filters);
        }
        let opened = self.at - 1;
        loop {
            if self.take("}") {
                return Ok(filters);
            }
            self.skip();
            let at = self.at;
            let name = self.word();
            let dimension = name.parse::<Dimension>();
            let dimension =
                dimension.map_err(|error: UnknownWord| Mistake { at, problem: error.to_string() })?;
            let negated = self.take("!=");
            if !negated && !self.take("=") {
                return self.fail(format!("expected `=` or `!=` after `{name}`"));
            }
            let quoted = self.quoted()?;
            let value = |value: &str| Some(value.trim()).filter(|value| !value.is_empty()).map(Text::copied);
            filters.push(Filter { dimension, negated, values: quoted.split(',').map(value).collect() });
            if !self.take(",") && !self.rest().trim_start().starts_with('}') {
                let problem = "this `{` is not closed; expected `,` or `}` after a filter".to_owned();
                return Err(Mistake { at: opened, problem });
            }
        }
    }

    /// A text in double quotes, in which `\"` and `\\` stand for themselves.
    fn quoted(&mut self) -> Read<String> {
        self.skip();
        let start = self.at;
        if !self.take("\"") {
            return self.fail("expected a value in double quotes, such as `feature=\"search\"`");
        }
        let mut value = String::new();
        let mut signs = self.rest().char_indices();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => value.extend(signs.next().map(|(_, sign)| sign)),
                sign => value.push(sign),
            }
        }
        Err(Mistake { at: start, problem: "this text is not closed; expected `\"`".to_owned() })
    }

    /// What a measure is compared with, in its unit.
    fn threshold(
        &mut self,
        function: Function,
        measure: &Measure,
        comparator: Comparator,
    ) -> Read<Threshold> {
        self.skip();
        let at = self.at;
        let literal = self.literal()?;
        literal.threshold(function, measure, comparator).map_err(|problem| Mistake { at, problem })
    }

    fn literal(&mut self) -> Read<Literal> {
        let at = self.at;
        let negative = self.take("-");
        let money = self.take("$");
        self.skip();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_')).unwrap_or(rest.len());
        let digits = rest[..end].replace('_', "");
        let number = digits.parse::<f64>().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
        let Some(number) = number else {
            self.at = at;
            return self.fail("expected a number, such as `0.05`, `5%`, `$5`, `3s` or `20`");
        };
        self.at += end;
        let unit = self.unit();
        let sign = if negative { "-" } else { "" };
        let number = if negative { -number } else { number };
        Ok(Literal { number, money: money.then(|| format!("{sign}{digits}")), unit: unit.to_owned() })
    }

    /// A unit right after its number, so that `and` is none.
    fn unit(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '%').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }
}

#[cfg(test)]
mod tests {
    use crate::alert::Condition;
    use proptest::prelude::*;

    fn mistake(text: &str) -> String {
        text.parse::<Condition>().expect_err(text).to_string()
    }

    #[test]
    fn conditions_are_read_in_any_spelling_and_written_in_one() {
        for (text, written) in [
            ("error_rate > 0.05", "error_rate > 0.05"),
            ("error_rate>5%", "error_rate > 0.05"),
            (" error_rate > 5% and calls >= 20 ", "error_rate > 0.05 and calls >= 20"),
            ("p95_latency{feature=\"job_analysis\"} > 3s", "p95_latency{feature=\"job_analysis\"} > 3s"),
            (
                "p95_latency { feature = \"a,b\", model != \"x\" } > 1.5s",
                "p95_latency{feature=\"a,b\", model!=\"x\"} > 1500ms",
            ),
            ("cost > $5", "cost > $5.00"),
            ("cost > $0.000000001", "cost > $0.000000001"),
            ("anomaly(cost) > 4", "anomaly(cost) > 4"),
            ("change(cost{model=\"gpt-4o\"}) >= 50%", "change(cost{model=\"gpt-4o\"}) >= 0.5"),
            ("forecast(cost) > $100", "forecast(cost) > $100.00"),
            ("total_tokens >= 2M or calls > 10k", "total_tokens >= 2000000 or calls > 10000"),
            ("(errors > 1 or panics > 0) and calls != 7", "(errors > 1 or panics > 0) and calls != 7"),
            ("errors > 1 or (panics > 0 and calls == 7)", "errors > 1 or panics > 0 and calls == 7"),
            ("mean_score < -0.5", "mean_score < -0.5"),
            ("roi < 0", "roi < 0"),
            ("mean_latency > 2m AND p99_latency > 1h", "mean_latency > 120s and p99_latency > 3600s"),
            ("calls{feature=\"\"} > 0", "calls{feature=\"\"} > 0"),
        ] {
            let condition: Condition = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(condition.to_string(), written);
            assert_eq!(written.parse::<Condition>().as_ref(), Ok(&condition));
        }
    }

    #[test]
    fn mistakes_are_told_at_their_place_with_what_is_accepted() {
        for (text, at, words) in [
            ("", 0, "expected a measure, such as `error_rate > 5%`"),
            ("> 5", 0, "and not `>`"),
            (
                "eror_rate > 5%",
                0,
                "unknown measure `eror_rate`, did you mean `error_rate`? Expected one of: calls,",
            ),
            ("error_rate 5%", 11, "expected a comparison after `error_rate`: one of >, >=, <, <=, ==, !="),
            ("error_rate = 5%", 11, "equality is `==`"),
            ("error_rate >> 5%", 11, "`>` is followed by another sign"),
            ("error_rate >", 12, "expected a number"),
            ("error_rate > five", 13, "expected a number"),
            (
                "error_rate > 5",
                13,
                "`error_rate` is from 0 to 1, so this never holds: write `5%` for a share of 0.05",
            ),
            ("error_rate > 5s", 13, "`error_rate` is a share here; expected a share, such as `5%` or `0.05`"),
            ("error_rate >= 0", 14, "always holds"),
            ("errors < 0", 9, "`errors` is at least 0, so this never holds"),
            ("cost > 5", 7, "`cost` is money; expected money, such as `$5`"),
            ("cost > 5%", 7, "`cost` is money"),
            ("cost > $0.0000000001", 7, "at most nine decimals"),
            ("p95_latency > 3", 14, "`p95_latency` is a time; expected a time with its unit"),
            ("p95_latency > 3 parsecs", 14, "is a time"),
            ("p95_latency > $3", 14, "is a time"),
            ("calls > 3%", 8, "`calls` is a number; expected a plain number"),
            ("anomaly(cost) > $4", 16, "`anomaly(cost)` is a plain number"),
            ("anomaly(cost > 4", 13, "expected `)` after the measure"),
            ("forecast(error_rate) > 5%", 9, "needs a measure that adds up"),
            ("forecast(cost_per_call) > $5", 9, "needs a measure that adds up"),
            (
                "error_rate{featur=\"a\"} > 5%",
                11,
                "unknown dimension `featur`, did you mean `feature`? Expected one of: project",
            ),
            ("error_rate{feature} > 5%", 18, "expected `=` or `!=` after `feature`"),
            ("error_rate{feature=a} > 5%", 19, "expected a value in double quotes"),
            ("error_rate{feature=\"a} > 5%", 19, "this text is not closed"),
            ("error_rate{feature=\"a\" > 5%", 10, "this `{` is not closed"),
            ("(error_rate > 5%", 0, "this `(` is not closed"),
            ("error_rate > 5%)", 15, "this `)` closes nothing"),
            ("error_rate > 5% calls > 3", 16, "expected `and`, `or` or the end"),
            ("error_rate > 5% and", 19, "expected a measure"),
        ] {
            let error = text.parse::<Condition>().expect_err(text);
            assert!(error.problem().contains(words), "{text}: {error}");
            assert_eq!(error.position(), at, "{error}");
        }
        assert!(mistake(&"(".repeat(100)).contains("too deep"));
        assert_eq!(
            mistake("calls > x"),
            "expected a number, such as `0.05`, `5%`, `$5`, `3s` or `20`\n  | calls > x\n  |         ^"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Err(error) = text.parse::<Condition>() {
                prop_assert!(error.position() <= text.chars().count());
            }
        }

        #[test]
        fn pieces_of_conditions_are_read_or_refused_and_what_is_read_is_written_as_it_is(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "error_rate", "cost", "p95_latency", "calls", "anomaly(", "change(", ")", "(", "{", "}", "feature=",
                "\"a\"", ">", "<=", "5%", "$5", "3s", "20", "and", "or", ",", "-1",
            ]), 0..12),
        ) {
            let text = pieces.join(" ");
            if let Ok(condition) = text.parse::<Condition>() {
                prop_assert_eq!(condition.to_string().parse::<Condition>(), Ok(condition));
            }
        }
    }
}
