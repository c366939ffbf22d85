//! [`Console`]: one readable line per call, and a summary at the end.

use jobmon_core::{
    Align, Batch, CallRecord, Dimension, End, Event, ExportError, Exporter, ExporterDelivery, Health, Late,
    Measure, Memory, Quantity, Query, Table, Timestamp, Usage, report::one_line,
};
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Prints one line per call: time, outcome, what, model, tokens, cost, latency, attempts; and a table at the end.
///
/// Colours only where it prints to a terminal and `NO_COLOR` is not set. A terminal that has gone away is no error.
///
/// ```
/// use jobmon_export::{Console, Monitor};
/// let guard = Monitor::builder().exporter(Console::stderr()).install()?;
/// drop(guard); // prints the summary, if there was any call
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Console {
    out: Box<dyn Write + Send>,
    colour: bool,
    lines: bool,
    summary: bool,
    seen: Memory,
    health: Option<Health>,
}

impl Console {
    /// On standard error, so that the program's own output stays clean.
    pub fn stderr() -> Self {
        let colour = io::stderr().is_terminal();
        Self::to(io::stderr()).with_colour(colour && std::env::var_os("NO_COLOR").is_none())
    }

    /// On standard output.
    pub fn stdout() -> Self {
        let colour = io::stdout().is_terminal();
        Self::to(io::stdout()).with_colour(colour && std::env::var_os("NO_COLOR").is_none())
    }

    /// To anything that can be written to, without colours.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            colour: false,
            lines: true,
            summary: true,
            seen: Memory::default(),
            health: None,
        }
    }

    /// With or without colours.
    #[must_use]
    pub const fn with_colour(mut self, colour: bool) -> Self {
        self.colour = colour;
        self
    }

    /// With or without the table at the end.
    #[must_use]
    pub const fn with_summary(mut self, summary: bool) -> Self {
        self.summary = summary;
        self
    }

    /// With or without a line for each call.
    #[must_use]
    pub const fn with_lines(mut self, lines: bool) -> Self {
        self.lines = lines;
        self
    }

    fn line(&self, call: &CallRecord) -> String {
        let (mark, colour) = match call.end {
            End::Ok if call.recovered() => ("↻", "33"),
            End::Ok => ("✓", "32"),
            End::Cancelled | End::Abandoned => ("∅", "35"),
            _ => ("✗", "31"),
        };
        let mut parts = vec![format!("{} {}", call.operation, call.name)];
        parts.extend(call.model_name().map(ToString::to_string));
        if let Some(usage) = call.usage() {
            parts.push(tokens(usage));
        } else if call.usage_missing {
            parts.push("no usage reported".to_owned());
        }
        parts.extend(call.cost.map(|cost| cost.to_string()));
        parts.extend(call.duration.map(|time| Quantity::Duration(time).to_string()));
        if call.was_retried() {
            parts.push(format!("{} attempts", call.attempt_count()));
        }
        if let Some(failure) = &call.failure {
            let message = failure.message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
            parts.push(format!("{}{message}", failure.category));
        }
        self.marked(call.start, mark, colour, &parts)
    }

    /// What came after the end of its call, and after its line.
    fn late(&self, late: &Late) -> String {
        let mut parts = Vec::new();
        if let Some(subject) = &late.fact.subject {
            parts.push(format!("{} {}", subject.operation, subject.name));
            parts.extend(subject.model.as_ref().map(ToString::to_string));
        }
        parts.extend(late.usage().map(tokens));
        parts.extend(late.cost().map(|cost| cost.to_string()));
        parts.extend(late.attributes.iter().map(|(key, _)| format!("field `{key}`")));
        parts.push("after its end".to_owned());
        self.marked(late.fact.at, "+", "36", &parts)
    }

    fn marked(&self, at: Timestamp, mark: &str, colour: &str, parts: &[String]) -> String {
        let (hour, minute, second, _) = at.time_of_day();
        // Names and messages come from outside: they must not steer the terminal.
        let parts = one_line(&parts.join("  "));
        let mark = if self.colour { format!("\u{1b}[{colour}m{mark}\u{1b}[0m") } else { mark.to_owned() };
        format!("{hour:02}:{minute:02}:{second:02} {mark} {parts}\n")
    }

    fn summary(&self) -> Option<String> {
        let names = [
            "calls",
            "errors",
            "retried_calls",
            "recovered_calls",
            "total_tokens",
            "cost",
            "p50_latency",
            "p95_latency",
        ];
        let measures: Vec<_> = names.iter().filter_map(|name| Measure::named(name).ok()).collect();
        let query = Query::new(measures.iter().copied());
        let grouped = query.clone().by([Dimension::Operation, Dimension::Name, Dimension::Model]);
        // Scores and other facts are in no column.
        let says = |row: &jobmon_core::Row| row.figures.iter().flatten().any(|f| *f != Quantity::Count(0));
        let rows: Vec<_> = grouped.run(&self.seen).ok()?.into_iter().filter(says).collect();
        let total = query.run(&self.seen).ok()?;
        if rows.is_empty() {
            return None;
        }
        let heads = ["operation", "name", "model"].map(|name| (name.to_owned(), Align::Left));
        let figures = measures.iter().map(|measure| (measure.name.replace('_', " "), Align::Right));
        let mut table = Table::new(heads.into_iter().chain(figures));
        let text =
            |figure: Option<Quantity>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
        for row in &rows {
            let group = row
                .group
                .iter()
                .map(|value| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string));
            table.row(group.chain(row.figures.iter().map(|figure| text(*figure))));
        }
        for row in &total {
            let group = ["total".to_owned(), String::new(), String::new()];
            table.row(group.into_iter().chain(row.figures.iter().map(|figure| text(*figure))));
        }
        Some(format!("\n{}", table.to_text()))
    }

    /// What became of events, where an exporter had to try again, keeps some, or lost some; as far as it is known now.
    fn trouble(&self) -> Option<String> {
        let delivery = self.health.as_ref()?.delivery();
        let had = |lane: &ExporterDelivery| lane.dropped + lane.retried + lane.spooled + lane.recovered > 0;
        let some = delivery.dropped > 0 || delivery.exporters.iter().any(had);
        some.then(|| format!("delivery so far: {delivery}\n"))
    }

    fn print(&mut self, text: &str) {
        // Nobody to read it is no reason to disturb the program.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

fn tokens(usage: Usage) -> String {
    let count =
        |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), |n| Quantity::Count(n).to_string());
    let cached = usage.cache_read.filter(|tokens| *tokens > 0);
    let cached = cached.map_or_else(String::new, |n| format!(" ({} cached)", Quantity::Count(n)));
    format!("{}{cached} → {} tokens", count(usage.input), count(usage.output))
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("colour", &self.colour)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl Exporter for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    fn health(&mut self, health: Health) {
        self.health = Some(health);
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let mut text = String::new();
        for event in batch.events.iter() {
            self.seen.add(&batch.resource, event);
            match event {
                Event::Call(call) if self.lines && call.sampled => text.push_str(&self.line(call)),
                Event::Late(late) if self.lines => text.push_str(&self.late(late)),
                _ => {}
            }
        }
        if !text.is_empty() {
            self.print(&text);
        }
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        if let Some(summary) = self.summary().filter(|_| self.summary) {
            self.print(&summary);
            if let Some(trouble) = self.trouble() {
                self.print(&trouble);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{
        CallId, Cost, Fact, Operation, PricedAnswer, Scope, SpanId, Subject, Text, TraceId, Usd,
    };
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn hostile_names_do_not_steer_the_terminal() {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let mut call = CallRecord::new(id, Text::from("analyze"), Operation::Chat, Timestamp::from_nanos(0));
        call.model = Some(Text::from("\u{1b}]0;owned\u{7}gpt"));
        call.duration = Some(Duration::from_millis(12));
        let line = Console::to(io::sink()).line(&call);
        assert!(!line.contains('\u{1b}') && line.contains("12 ms"), "{line}");
    }

    #[test]
    fn what_comes_late_has_a_line_and_counts_in_the_total() {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let call = CallRecord::new(id, Text::from("analyze"), Operation::Chat, Timestamp::from_nanos(0));
        let mut fact = Fact::new(Timestamp::from_nanos(0), Some(id), Scope::default());
        fact.subject = Some(Subject::new(Text::from("analyze"), Operation::Chat, None, None));
        let mut late = Late::new(fact);
        let cost = Cost::Known(Usd::from_nanos(420_000));
        late.answer = Some(PricedAnswer::new(Usage::new(1_000, 20).into(), 1, cost));
        let mut console = Console::to(io::sink());
        let line = console.late(&late);
        assert_eq!(line, "00:00:00 + chat analyze  1,000 → 20 tokens  $0.00042  after its end\n");
        let events = vec![Event::Call(Box::new(call)), Event::Late(Box::new(late))];
        console.export(&Batch { resource: Arc::default(), events: Arc::new(events) }).unwrap();
        let summary = console.summary().unwrap();
        let total = summary.lines().last().unwrap();
        assert!(
            total.starts_with("total") && total.contains("1,020") && total.contains("$0.00042"),
            "{total}"
        );
    }

    #[test]
    fn a_closed_output_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let call = CallRecord::new(id, Text::from("analyze"), Operation::Chat, Timestamp::from_nanos(0));
        let batch = Batch { resource: Arc::default(), events: Arc::new(vec![Event::Call(Box::new(call))]) };
        let mut console = Console::to(Closed);
        assert_eq!(console.export(&batch), Ok(()));
        assert_eq!(console.shutdown(), Ok(()));
    }
}
