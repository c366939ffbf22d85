//! Log records that are facts about calls.

use super::LogData;
use crate::genai;
use crate::semconv::{USAGE, event, key, own};
use jobmon_core::{
    Answer, CallId, Cost, Event, Fact, Feedback, Label, Late, Outcome, PricedAnswer, Scope, Score, Search,
    Subject, Text, Usage, Usd,
};
use serde_json::Value;

struct Told<'a>(&'a LogData);

impl Told<'_> {
    fn get(&self, name: &str) -> &Value {
        self.0.attributes.get(name).unwrap_or(&Value::Null)
    }

    fn text(&self, name: &str) -> Option<Text> {
        self.get(name).as_str().filter(|text| !text.is_empty()).map(Text::copied)
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is within what a whole number holds")]
    fn money(&self, name: &str) -> Option<Usd> {
        let nanos = (self.get(name).as_f64()? * 1e9).round();
        (nanos.abs() < 9e18).then(|| Usd::from_nanos(nanos as i64))
    }

    fn fact(&self) -> Fact {
        let call = self.0.about.map(|(trace, span)| CallId { trace, span });
        let mut scope = Scope::default();
        scope.session = self.text(key::SESSION);
        scope.user = self.text(key::USER);
        scope.feature = self.text(own::FEATURE);
        scope.strategy = self.text(own::STRATEGY);
        Fact::new(self.0.at, call, scope)
    }
}

pub(super) fn of(log: &LogData) -> Option<Event> {
    let told = Told(log);
    Some(match log.name.as_str() {
        event::EVALUATION => {
            let name = told.text(key::EVALUATION_NAME)?;
            let label = told.text(key::EVALUATION_LABEL);
            // What our exporter makes of feedback.
            let verdict = label.as_deref().and_then(|label| label.parse().ok());
            match verdict.filter(|_| name == "feedback") {
                Some(verdict) => Event::Feedback(Feedback::new(told.fact(), verdict)),
                None => {
                    let value = told.get(key::EVALUATION_SCORE).as_f64().filter(|value| value.is_finite())?;
                    Event::Score(Score::new(told.fact(), name, value))
                }
            }
        }
        own::OUTCOME => {
            let value = told.money(own::OUTCOME_VALUE);
            Event::Outcome(Outcome::new(told.fact(), told.text(own::OUTCOME_KIND)?, value))
        }
        own::SEARCH => {
            let mut search = Search::new(told.fact(), told.text(own::SEARCH_QUERY)?);
            search.results = told.get(own::SEARCH_RESULTS).as_u64().unwrap_or(0);
            search.relevant = told.get(own::SEARCH_RELEVANT).as_u64();
            Event::Search(search)
        }
        own::LABEL => {
            let side = told.get(own::LABEL_SIDE).as_str()?.parse().ok()?;
            let value = told.get(own::LABEL_VALUE).as_bool()?;
            let mut label = Label::new(told.fact(), told.text(own::LABEL_NAME)?, side, value);
            label.key = told.text(own::LABEL_KEY);
            Event::Label(label)
        }
        own::LATE => Event::Late(Box::new(late(&told))),
        _ => return None,
    })
}

fn late(told: &Told<'_>) -> Late {
    let mut fact = told.fact();
    if let (Some(name), Some(operation)) = (told.text(own::NAME), told.text(key::OPERATION)) {
        let (provider, model) = (told.text(key::PROVIDER), told.text(key::REQUEST_MODEL));
        fact.subject = Some(Subject::new(name, genai::operation(&operation), provider, model));
    }
    let mut late = Late::new(fact);
    let mut usage = Usage::default();
    for (name, unit) in USAGE {
        usage.set(unit, told.get(name).as_u64());
    }
    let cost = told.money(own::COST).map_or(Cost::Unpriced, Cost::Known);
    let answer = Answer::from(usage);
    late.answer = Some(PricedAnswer::new(answer, 1, cost));
    if cost != Cost::Unpriced {
        late.prices = Some(super::call::SENDER);
    }
    late
}
