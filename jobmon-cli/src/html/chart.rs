//! Charts as SVG that stretches with the page; their words are HTML, so that they stay readable at any width.

use super::money::Decimals;
use super::name;
use super::tiles::figure;
use jobmon_core::report::{Period, PeriodKind, Report, Section};
use jobmon_core::{Cost, Quantity, Usd};
use maud::{Markup, html};

/// Rows of a chart of bars, at most.
const MOST_BARS: usize = 12;
/// Heights and widths in the chart's own units.
const HIGH: i64 = 1_000;
const WIDE: usize = 10;

/// One bar: an amount, the part of it that was wasted, whether it is a lower bound.
struct Bar {
    cost: i64,
    wasted: i64,
    is_bound: bool,
    text: String,
}

impl Bar {
    fn of(section: &Section, row: usize) -> Self {
        let of_column = |name: &str| {
            let place = section.columns.iter().position(|column| *column == name)?;
            section.rows.get(row)?.figures.get(place).copied().flatten()
        };
        let cost = of_column("cost");
        let text = cost.map_or_else(
            || "none".to_owned(),
            |cost| Decimals::of([Some(cost)]).text(cost).unwrap_or_else(|| cost.to_string()),
        );
        let is_bound = matches!(cost, Some(Quantity::Cost(Cost::AtLeast(_) | Cost::Unpriced)));
        Self { cost: nanos(cost), wasted: nanos(of_column("wasted_cost")), is_bound, text }
    }
}

fn nanos(figure: Option<Quantity>) -> i64 {
    match figure {
        Some(Quantity::Cost(cost) | Quantity::Estimate(cost)) => cost.floor().nanos().max(0),
        Some(Quantity::Usd(usd)) => usd.nanos().max(0),
        _ => 0,
    }
}

/// A part of the whole in units of the chart.
fn scaled(part: i64, whole: i64, units: i64) -> i64 {
    let units = i128::from(part) * i128::from(units) / i128::from(whole.max(1));
    i64::try_from(units).unwrap_or(0).clamp(0, HIGH)
}

/// A round figure that is not less: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 of a power of ten, but for the smallest ones.
fn round_up(most: i64) -> i64 {
    let mut step = 1_i64;
    loop {
        for factor in [10, 12, 15, 20, 25, 30, 40, 50, 60, 80] {
            let round = step.saturating_mul(factor);
            if round >= most {
                return round;
            }
        }
        step = step.saturating_mul(10);
    }
}

fn amount(nanos: i64) -> String {
    let figure = Quantity::Usd(Usd::from_nanos(nanos));
    figure.to_string()
}

/// What each day of the period cost, or each hour, and what those to come will.
pub(super) fn over_time(report: &Report) -> Markup {
    let section = report.section("days").or_else(|| report.section("hours"));
    let Some((section, period)) = section.zip(report.period.as_ref()) else { return html! {} };
    let bars: Vec<Bar> = (0..section.rows.len()).map(|row| Bar::of(section, row)).collect();
    let slots = slots(period).max(bars.len());
    let expected = match (section.id, report.section("forecast")) {
        ("days", Some(forecast)) => nanos(figure(forecast, "mean_per_day")),
        _ => 0,
    };
    let expected = if slots > bars.len() { expected } else { 0 };
    let most = bars.iter().map(|bar| bar.cost).chain([expected]).max().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let top = round_up(most);
    let label_of =
        |slot: usize| section.rows.get(slot).and_then(|row| row.group[0].as_deref()).unwrap_or_default();
    let each = if section.id == "days" { "day" } else { "hour" };
    let summary = format!(
        "{} bars, one for each {each}, from {} to {}; the highest is {}. The table \"{}\" has the same figures.",
        bars.len(),
        label_of(0),
        label_of(bars.len() - 1),
        amount(bars.iter().map(|bar| bar.cost).max().unwrap_or(0)),
        section.title
    );
    html! {
        figure class="time" {
            figcaption { (section.title) }
            div class="plot" {
                div class="scale" aria-hidden="true" {
                    span { (amount(top)) } span { (amount(top / 2)) } span { "$0" }
                }
                svg viewBox=(format!("0 0 {} {HIGH}", slots * WIDE)) preserveAspectRatio="none" role="img" aria-labelledby="time-title time-description" {
                    title id="time-title" { (section.title) }
                    desc id="time-description" { (summary) }
                    @for line in [0, HIGH / 2, HIGH] {
                        line class="grid" x1="0" x2=(slots * WIDE) y1=(line) y2=(line) {}
                    }
                    @for (slot, bar) in bars.iter().enumerate() {
                        @let (cost, wasted) = (scaled(bar.cost, top, HIGH), scaled(bar.wasted, top, HIGH));
                        g {
                            title { (label_of(slot)) ": " (bar.text) }
                            rect class=(if bar.is_bound { "cost bound" } else { "cost" }) x=(slot * WIDE + 1) width=(WIDE - 2) y=(HIGH - cost) height=(cost) {}
                            rect class="wasted" x=(slot * WIDE + 1) width=(WIDE - 2) y=(HIGH - wasted) height=(wasted) {}
                        }
                    }
                    @if expected > 0 {
                        @let high = scaled(expected, top, HIGH);
                        @for slot in bars.len()..slots {
                            rect class="expected" x=(slot * WIDE + 1) width=(WIDE - 2) y=(HIGH - high) height=(high) {}
                        }
                    }
                }
                div class="slots" aria-hidden="true" {
                    @for label in labels(period, slots) { span { (label) } }
                }
            }
            p class="key" {
                span { i class="cost" {} "cost" }
                span { i class="wasted" {} "of it wasted" }
                @if bars.iter().any(|bar| bar.is_bound) { span { i class="cost bound" {} "at least this" } }
                @if expected > 0 { span { i class="expected" {} "expected" } }
            }
        }
    }
}

/// Days or hours that the whole period has.
fn slots(period: &Period) -> usize {
    let nanos = period.end().nanos().saturating_sub(period.start().nanos());
    let step = if period.kind() == PeriodKind::Daily { 3_600_000_000_000 } else { 86_400_000_000_000 };
    usize::try_from(nanos / step).unwrap_or(0).min(31)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What stands below the first, the middle and the last bar.
fn labels(period: &Period, slots: usize) -> Vec<String> {
    let label = |slot: usize| match period.kind() {
        PeriodKind::Daily => format!("{slot:02}:00"),
        _ => {
            let at = period.start().plus(std::time::Duration::from_secs(86_400 * slot as u64));
            let (_, month, day) = at.date();
            format!("{day} {}", MONTHS[month.saturating_sub(1) as usize % 12])
        }
    };
    [0, slots / 2, slots.saturating_sub(1)].map(label).to_vec()
}

/// The most expensive rows of a section as bars beside each other's names.
pub(super) fn by_cost(section: &Section) -> Markup {
    let bars: Vec<(usize, Bar)> = (0..section.rows.len()).map(|row| (row, Bar::of(section, row))).collect();
    let most = bars.iter().map(|(_, bar)| bar.cost).max().unwrap_or(0);
    let worth: Vec<_> = bars.iter().filter(|(_, bar)| bar.cost > 0).collect();
    html! {
        @if most > 0 && worth.len() > 1 {
            figure class="ranking" {
                figcaption { (section.title) ", by cost" }
                @for (row, bar) in worth.iter().take(MOST_BARS) {
                    @let group = &section.rows[*row].group;
                    @let last = group.last().and_then(Option::as_deref).unwrap_or(section.nothing);
                    @let (cost, wasted) = (scaled(bar.cost, most, HIGH), scaled(bar.wasted, most, HIGH));
                    div class="bar" {
                        span class="name" { (name(last)) }
                        svg viewBox=(format!("0 0 {HIGH} {WIDE}")) preserveAspectRatio="none" aria-hidden="true" {
                            title { (bar.text) }
                            rect class=(if bar.is_bound { "cost bound" } else { "cost" }) width=(cost) height=(WIDE) {}
                            rect class="wasted" width=(wasted) height=(WIDE) {}
                        }
                        span class="value" { (bar.text) }
                    }
                }
                @if worth.len() > MOST_BARS { p class="note" { "and " (worth.len() - MOST_BARS) " more, in the table" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_figures() {
        for (most, top) in
            [(1, 10), (11, 12), (49, 50), (51, 60), (81, 100), (1_600, 2_000), (i64::MAX, i64::MAX)]
        {
            assert_eq!(round_up(most), top);
        }
        assert_eq!(scaled(i64::MAX, i64::MAX, HIGH), HIGH);
        assert_eq!(scaled(1, 0, HIGH), HIGH);
    }
}
