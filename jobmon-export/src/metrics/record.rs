//! What each event adds to which series.

use super::catalogue::Of;
use super::labels::Label;
use super::series::Series;
use crate::attributes::{error_type, has_failed, server};
use jobmon_core::{
    CallRecord, Cost, Delivery, Event, Fact, Gaps, Operation, Redactions, Side, Text, Usage, UsageUnit, Usd,
};
use std::borrow::Cow;

impl Series {
    /// Adds an event, whether or not it is kept.
    pub(crate) fn record(&mut self, event: &Event) {
        self.of = None;
        if let Some(fact) = event.fact().filter(|fact| !fact.redactions.is_empty()) {
            self.subject(fact);
            self.redactions(fact.redactions);
        }
        match event {
            Event::Call(call) => {
                self.of = call.sampled.then_some((call.id, call.start));
                self.call(call);
            }
            Event::Score(score) => {
                self.subject(&score.fact).with(Label::Score, Some(&score.name));
                self.measure(Of::SCORE, score.value, 1);
            }
            Event::Feedback(feedback) => {
                let verdict = Text::literal(feedback.verdict.name());
                self.subject(&feedback.fact).with(Label::Verdict, Some(&verdict));
                self.add(Of::FEEDBACK, 1);
            }
            Event::Outcome(outcome) => {
                self.subject(&outcome.fact).with(Label::Outcome, Some(&outcome.kind));
                self.add(Of::OUTCOMES, 1);
                if let Some(value) = outcome.value {
                    self.pay(Of::OUTCOME_VALUE, value.nanos());
                }
            }
            Event::Label(label) => {
                self.subject(&label.fact).with(Label::Predicted, Some(&label.name));
                if label.side == Side::Prediction {
                    self.add(Of::PREDICTIONS, 1);
                }
                if let Some(judged) = label.judged() {
                    self.labels.with(Label::Judged, Some(&Text::literal(judged.name())));
                    self.add(Of::JUDGED, 1);
                }
            }
            Event::Search(search) => {
                let scope = &search.fact.scope;
                self.labels
                    .clear()
                    .with(Label::Feature, scope.feature.as_ref())
                    .with(Label::Strategy, scope.strategy.as_ref());
                self.add(Of::SEARCHES, 1);
                self.add(Of::SEARCH_RESULTS, search.results);
                if let Some(relevant) = search.relevant {
                    self.add(Of::SEARCH_RELEVANT, relevant);
                }
            }
            Event::Late(late) => {
                let Some(subject) = &late.fact.subject else { return };
                let operation = Text::literal(subject.operation.name());
                let model = late.answer.as_ref().and_then(|answer| answer.answer.model.as_ref());
                if let Some(usage) = late.usage() {
                    let unknown = Text::literal("_OTHER");
                    let provider = subject.provider.clone().unwrap_or(unknown);
                    self.usage(&usage, |labels| {
                        labels
                            .with(Label::Operation, Some(&operation))
                            .with(Label::Provider, Some(&provider))
                            .with(Label::RequestModel, subject.model.as_ref())
                            .with(Label::ResponseModel, model);
                    });
                }
                self.labels
                    .clear()
                    .with(Label::Operation, Some(&operation))
                    .with(Label::Provider, subject.provider.as_ref())
                    .with(Label::RequestModel, subject.model.as_ref())
                    .with(Label::Name, Some(&subject.name))
                    .with(Label::Feature, late.fact.scope.feature.as_ref());
                if let Some(cost) = late.cost() {
                    self.cost(cost, late.wasted());
                }
            }
            _ => {}
        }
    }

    fn subject(&mut self, fact: &Fact) -> &mut super::Labels {
        let name = fact.subject.as_ref().map(|subject| &subject.name);
        self.labels
            .clear()
            .with(Label::Name, name)
            .with(Label::Feature, fact.scope.feature.as_ref())
            .with(Label::Strategy, fact.scope.strategy.as_ref())
    }

    fn call(&mut self, call: &CallRecord) {
        let operation = Text::literal(call.operation.name());
        let error = has_failed(call).then(|| match error_type(call.failure.as_ref()) {
            Cow::Borrowed(name) => Text::literal(name),
            Cow::Owned(status) => Text::from(status),
        });
        let seconds = call.duration.map(|duration| duration.as_secs_f64());
        match call.operation {
            Operation::InvokeWorkflow => {
                self.labels
                    .clear()
                    .with(Label::ErrorType, error.as_ref())
                    .with(Label::Workflow, Some(&call.name));
                self.time(Of::WORKFLOW_DURATION, seconds);
            }
            Operation::InvokeAgent => {
                let model = call.model.as_ref();
                self.labels
                    .clear()
                    .with(Label::RequestModel, model)
                    .with(Label::ErrorType, error.as_ref())
                    .with(Label::Agent, Some(&call.name));
                self.time(Of::AGENT_DURATION, seconds);
                let inside = call.rollup.as_deref();
                self.labels.clear().with(Label::Agent, Some(&call.name));
                self.number(Of::AGENT_INFERENCES, inside.map_or(0, |rollup| rollup.model_calls));
                self.number(Of::AGENT_TOOLS, inside.map_or(0, |rollup| rollup.tool_calls));
            }
            Operation::ExecuteTool => {
                let kind = Text::literal("function");
                self.labels
                    .clear()
                    .with(Label::ErrorType, error.as_ref())
                    .with(Label::Agent, call.agent.as_ref())
                    .with(Label::Tool, Some(&call.name))
                    .with(Label::ToolType, Some(&kind));
                self.time(Of::TOOL_DURATION, seconds);
            }
            Operation::Plan => {}
            _ => self.request(call, &operation, error.as_ref(), seconds),
        }
        self.house(call, &operation, error.as_ref());
    }

    fn time(&mut self, of: Of, seconds: Option<f64>) {
        if let Some(seconds) = seconds {
            self.measure(of, seconds, 1);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "tokens and calls are far below 2⁵³")]
    fn number(&mut self, of: Of, count: u64) {
        self.measure(of, count as f64, 1);
    }

    /// What the conventions have of requests that leave the process.
    fn request(&mut self, call: &CallRecord, operation: &Text, error: Option<&Text>, seconds: Option<f64>) {
        let unknown = Text::literal("_OTHER");
        let provider = match call.operation {
            Operation::Retrieval => call.provider.as_ref(),
            _ => Some(call.provider.as_ref().unwrap_or(&unknown)),
        };
        let answered = call.answers.iter().rev().find_map(|answer| answer.answer.model.as_ref());
        let server = call.pricing.api_url.as_deref().and_then(server);
        let server = server.map(|(host, port)| (Text::copied(host), Text::from(port.to_string())));
        let (host, port) = (server.as_ref().map(|(host, _)| host), server.as_ref().map(|(_, port)| port));
        let who = |labels: &mut super::Labels| {
            labels
                .with(Label::Operation, Some(operation))
                .with(Label::Provider, provider)
                .with(Label::RequestModel, call.model.as_ref())
                .with(Label::ResponseModel, answered)
                .with(Label::ServerAddress, host)
                .with(Label::ServerPort, port);
        };
        let inference = !matches!(call.operation, Operation::Embeddings | Operation::Retrieval);
        who(self.labels.clear());
        self.labels.with(Label::ErrorType, error);
        self.time(if inference { Of::INFERENCE_DURATION } else { Of::OPERATION_DURATION }, seconds);
        if self.old && inference {
            self.time(Of::OLD_DURATION, seconds);
        }
        if !call.is_model_call() {
            return;
        }
        let usage = call.usage();
        if inference && call.tokens_tracked {
            // Failed ones count as nothing, so that they are among them.
            let failed = error.is_some();
            let count = |count: Option<u64>| count.or(failed.then_some(0));
            let (input, output) = usage.map_or((None, None), |usage| (usage.input, usage.output));
            for (of, count) in [(Of::OPERATION_INPUT, count(input)), (Of::OPERATION_OUTPUT, count(output))] {
                if let Some(count) = count {
                    self.number(of, count);
                }
            }
            if usage.is_none() && failed {
                who(self.labels.clear());
                self.labels.with(Label::Modality, Some(&Text::literal("unknown")));
                self.add(Of::INPUT, 0);
                self.add(Of::OUTPUT, 0);
            }
        }
        if let Some(usage) = usage {
            self.usage(&usage, who);
            if self.old {
                for (kind, count) in [("input", usage.input), ("output", usage.output)] {
                    if let Some(count) = count {
                        who(self.labels.clear());
                        self.labels.with(Label::TokenType, Some(&Text::literal(kind)));
                        self.number(Of::OLD_TOKENS, count);
                    }
                }
            }
        }
        who(self.labels.clear());
        if let Some(first) = call.first_token.filter(|_| inference && (call.streams || call.chunks.is_some()))
        {
            self.measure(Of::FIRST_CHUNK, first.as_secs_f64(), 1);
            if self.old {
                self.measure(Of::OLD_FIRST_CHUNK, first.as_secs_f64(), 1);
            }
        }
        for (gap, times) in
            call.chunks.iter().filter_map(|chunks| chunks.gaps.as_deref()).flat_map(Gaps::means)
        {
            self.measure(Of::OUTPUT_CHUNK, gap.as_secs_f64(), times);
        }
        if let Some(cost) = crate::attributes::known(call.cost).filter(|_| self.old) {
            self.measure(Of::OLD_COST, crate::attributes::dollars(cost), 1);
        }
    }

    /// Counters of tokens, by what carries them.
    fn usage(&mut self, usage: &Usage, who: impl Fn(&mut super::Labels)) {
        let parts = |audio: UsageUnit, image: UsageUnit, whole: Option<u64>| {
            let whole = whole?;
            let special = [audio, image].map(|unit| usage.get(unit).unwrap_or(0));
            Some([whole.saturating_sub(special[0].saturating_add(special[1])), special[0], special[1]])
        };
        let all = [
            (Of::INPUT, parts(UsageUnit::InputAudioTokens, UsageUnit::InputImageTokens, usage.input)),
            (Of::OUTPUT, parts(UsageUnit::OutputAudioTokens, UsageUnit::OutputImageTokens, usage.output)),
            (
                Of::CACHE_READ,
                parts(UsageUnit::CacheAudioReadTokens, UsageUnit::CacheImageReadTokens, usage.cache_read),
            ),
            (
                Of::CACHE_WRITE,
                parts(UsageUnit::CacheAudioWriteTokens, UsageUnit::CacheImageWriteTokens, usage.cache_write),
            ),
            (Of::REASONING, usage.reasoning.map(|count| [count, 0, 0])),
        ];
        for (at, modality) in ["text", "audio", "image"].into_iter().enumerate() {
            let counted = all.iter().filter_map(|(of, counts)| Some((*of, counts.as_ref()?[at])));
            let counted = counted.filter(|(_, count)| *count > 0 || at == 0);
            for (first, (of, count)) in counted.enumerate() {
                if first == 0 {
                    who(self.labels.clear());
                    self.labels.with(Label::Modality, Some(&Text::literal(modality)));
                }
                self.add(of, count);
            }
        }
    }

    /// What is ours to count.
    fn house(&mut self, call: &CallRecord, operation: &Text, error: Option<&Text>) {
        let end = Text::literal(call.end.name());
        let labels = self.labels.clear();
        labels
            .with(Label::Operation, Some(operation))
            .with(Label::Provider, call.provider.as_ref())
            .with(Label::RequestModel, call.model.as_ref());
        let scope = &call.scope;
        let name = |labels: &mut super::Labels| {
            labels.with(Label::Name, Some(&call.name)).with(Label::Feature, scope.feature.as_ref());
        };
        let mut ended = labels.clone();
        ended.with(Label::ErrorType, error);
        name(&mut ended);
        ended.with(Label::End, Some(&end));
        name(labels);
        self.add(Of::ATTEMPTS, call.attempt_count());
        if call.was_retried() {
            self.add(Of::RETRIED, 1);
        }
        if call.recovered() {
            self.add(Of::RECOVERED, 1);
        }
        if call.usage_missing {
            self.add(Of::WITHOUT_USAGE, 1);
        }
        if let Some(cost) = call.cost {
            self.cost(cost, call.wasted());
        }
        if call.injection_markers > 0 {
            self.add(Of::MARKERS, call.injection_markers.into());
        }
        self.redactions(call.redactions);
        self.labels = ended;
        self.add(Of::CALLS, 1);
    }

    /// Counts what was removed, by kind, under the labels that are there.
    fn redactions(&mut self, redactions: Redactions) {
        if redactions.is_empty() {
            return;
        }
        let labels = self.labels.clone();
        for (kind, times) in redactions.iter() {
            self.labels = labels.clone();
            self.labels.with(Label::Redaction, Some(&Text::literal(kind.name())));
            self.add(Of::REDACTIONS, times.into());
        }
    }

    fn cost(&mut self, cost: Cost, wasted: Usd) {
        self.pay(Of::COST, cost.floor().nanos());
        if wasted > Usd::ZERO {
            self.pay(Of::WASTED, wasted.nanos());
        }
        if !matches!(cost, Cost::Known(_)) {
            self.add(Of::UNPRICED, 1);
        }
    }

    /// Sets what is known of delivery.
    pub(crate) fn delivery(&mut self, delivery: &Delivery) {
        self.of = None;
        self.labels.clear();
        self.keep(Of::DROPPED, delivery.dropped);
        for exporter in &delivery.exporters {
            for (fate, count) in [
                ("exported", exporter.exported),
                ("dropped", exporter.dropped),
                ("retried", exporter.retried),
                ("recovered", exporter.recovered),
            ] {
                let fate = Text::literal(fate);
                self.labels
                    .clear()
                    .with(Label::Exporter, Some(&exporter.name))
                    .with(Label::Fate, Some(&fate));
                self.keep(Of::DELIVERED, count);
            }
            self.labels.clear().with(Label::Exporter, Some(&exporter.name));
            self.keep(Of::PENDING, exporter.pending);
            self.keep(Of::SPOOLED, exporter.spooled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Value;
    use jobmon_core::{CallId, Chunks, SpanId, Timestamp, TraceId};
    use std::time::Duration;

    #[test]
    fn times_between_chunks_are_those_of_single_ones() {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, Timestamp::now());
        let mut chunks = Chunks::first(Duration::from_millis(300));
        for gap in [5, 10, 11, 40, 41, 3, 100_000] {
            chunks.add(chunks.last + Duration::from_millis(gap));
        }
        let gaps = chunks.gaps.clone().expect("there are some");
        call.chunks = Some(chunks);
        let mut series = Series::new(9, false);
        series.record(&Event::Call(Box::new(call)));
        let mut found = None;
        series.visit(|at, points| {
            if at == Of::OUTPUT_CHUNK as usize {
                found = Some(points[0].1.value.clone());
            }
        });
        let Some(Value::Histogram { counts, sum, .. }) = found else { panic!("no histogram") };
        assert_eq!(*counts, gaps.counts);
        assert_eq!(counts[..4], [3, 1, 1, 1]);
        assert!((sum - 100.110).abs() < 1e-9, "{sum}");
    }
}
