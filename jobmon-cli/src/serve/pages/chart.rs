//! Charts over time, drawn by `plotters` as SVG whose colours are those of the page, light or dark.

use jobmon_core::{Quantity, Range, Timestamp, Unit, Usd};
use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;
use std::time::Duration;

/// Stand for colours of the page: each is replaced by its name there.
const QUIET: RGBColor = RGBColor(1, 2, 3);
const LINE: RGBColor = RGBColor(1, 2, 4);
const SERIES: [(RGBColor, &str); 6] = [
    (RGBColor(1, 2, 10), "--cost"),
    (RGBColor(1, 2, 11), "--wasted"),
    (RGBColor(1, 2, 12), "--third"),
    (RGBColor(1, 2, 13), "--fourth"),
    (RGBColor(1, 2, 14), "--fifth"),
    (RGBColor(1, 2, 15), "--sixth"),
];
/// Lines that one chart has at most: more cannot be told apart.
pub(super) const MOST_SERIES: usize = SERIES.len();

const SIZE: (u32, u32) = (720, 220);
/// Empty slots that are drawn before the first and after the last that has something.
const MOST_SLOTS: u32 = 400;

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lines,
    Bars,
}

/// One line, or the bars of one colour.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(Timestamp, f64)>,
}

/// A chart with all that it needs to be read.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    /// The length of a slice.
    pub(super) step: Duration,
    /// The time that was asked for.
    pub(super) range: Range,
    pub(super) series: Vec<Series>,
}

/// A figure as a number that can be drawn: dollars, seconds, counts.
pub(super) fn number(figure: Quantity) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a pixel is less exact")]
    match figure {
        Quantity::Count(count) => count as f64,
        Quantity::Cost(cost) | Quantity::Estimate(cost) => cost.floor().nanos() as f64 / 1e9,
        Quantity::Usd(usd) => usd.nanos() as f64 / 1e9,
        Quantity::Duration(time) => time.as_secs_f64(),
        Quantity::Ratio(value)
        | Quantity::AtMost(value)
        | Quantity::Change(value)
        | Quantity::Number(value) => value,
        _ => f64::NAN,
    }
}

/// A number in words of its unit.
fn label(value: f64, unit: Unit) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "labels of an axis are small and not negative"
    )]
    match unit {
        Unit::Usd => Quantity::Usd(Usd::from_nanos((value * 1e9).round() as i64)).to_string(),
        Unit::Duration => {
            Quantity::Duration(Duration::try_from_secs_f64(value).unwrap_or_default()).to_string()
        }
        Unit::Ratio => Quantity::Ratio(value).to_string(),
        Unit::Count if value.fract() == 0.0 => Quantity::Count(value as u64).to_string(),
        _ => Quantity::Number(value).to_string(),
    }
}

fn time_label(at: Timestamp, step: Duration) -> String {
    let (_, month, day) = at.date();
    let (hour, minute, ..) = at.time_of_day();
    if step >= Duration::from_secs(86_400) {
        format!("{month}/{day}")
    } else {
        format!("{month}/{day} {hour:02}:{minute:02}")
    }
}

impl Chart {
    fn points(&self) -> impl Iterator<Item = &(Timestamp, f64)> {
        self.series.iter().flat_map(|series| &series.points)
    }

    /// What it shows, for those who do not see it.
    fn summary(&self) -> String {
        let most =
            self.points().map(|(_, value)| *value).filter(|value| value.is_finite()).fold(0.0, f64::max);
        let ends = (self.points().map(|(at, _)| *at).min(), self.points().map(|(at, _)| *at).max());
        let (Some(first), Some(last)) = ends else { return "nothing".to_owned() };
        format!("From {first} to {last}; the highest is {}.", label(most, self.unit))
    }

    pub(super) fn markup(&self) -> Markup {
        let drawn = if self.points().next().is_some() { self.draw() } else { None };
        html! {
            figure class="chart" {
                figcaption { (self.title) }
                @match drawn {
                    Some(svg) => {
                        div class="drawn" role="img" aria-label=(format!("{}. {}", self.title, self.summary())) { (PreEscaped(svg)) }
                    }
                    None => p class="note" { "Nothing in this time." },
                }
                @if self.series.len() > 1 && self.points().next().is_some() {
                    p class="key" {
                        @for (at, series) in self.series.iter().take(MOST_SERIES).enumerate() {
                            span { i class=(format!("series{at}")) {} bdi { (series.name) } }
                        }
                    }
                }
            }
        }
    }

    /// The slot of a slice of time.
    fn slot(&self, at: Timestamp) -> i32 {
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX).max(1);
        i32::try_from((at.nanos() - self.first().nanos()) / step).unwrap_or(i32::MAX)
    }

    fn first(&self) -> Timestamp {
        let told = self.points().map(|(at, _)| *at).min().unwrap_or(Timestamp::MIN);
        // All of time has no beginning; nor are slots drawn that are too narrow to be seen.
        if self.range.since < told && told.minus(self.step * MOST_SLOTS) < self.range.since {
            self.range.since.max(told.minus(self.step * MOST_SLOTS))
        } else {
            told
        }
    }

    /// `None` where it cannot be drawn.
    fn draw(&self) -> Option<String> {
        let values = self.points().map(|(_, value)| *value).filter(|value| value.is_finite());
        let most = values.fold(0.0, f64::max);
        let top = if most > 0.0 { most * 1.08 } else { 1.0 };
        let mut svg = String::new();
        self.draw_into(&mut svg, top).ok()?;
        for (colour, name) in [(QUIET, "--quiet"), (LINE, "--line")].into_iter().chain(SERIES) {
            let RGBColor(r, g, b) = colour;
            svg = svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var({name})\""));
        }
        // Its size is that of the page; what assistants read is said once, around it.
        let size = format!("<svg width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1);
        Some(svg.replacen(&size, "<svg aria-hidden=\"true\"", 1))
    }

    fn draw_into(&self, svg: &mut String, top: f64) -> Result<(), Failed> {
        let told = self.points().map(|(at, _)| self.slot(*at)).max().unwrap_or(0);
        let until = self.range.until.min(Timestamp::now());
        let last =
            told.max(self.slot(until).min(told.saturating_add(i32::try_from(MOST_SLOTS).unwrap_or(0))));
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .margin_right(40)
            .x_label_area_size(24)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..f64::from(last) + 1.0, 0.0..top)?;
        let text = ("sans-serif", 13).into_font().color(&QUIET);
        let first = self.first();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "slots are few")]
        let moment = |slot: &f64| time_label(first.plus(self.step * slot.max(0.0) as u32), self.step);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(LINE)
            .axis_style(LINE)
            .label_style(text)
            .x_labels(6)
            .y_labels(5)
            // Slots have no halves.
            .x_label_formatter(&|slot| if slot.fract() == 0.0 { moment(slot) } else { String::new() })
            .y_label_formatter(&|value| label(*value, self.unit))
            .draw()?;
        #[expect(clippy::cast_precision_loss, reason = "series are few")]
        let shown = self.series.len().clamp(1, MOST_SERIES) as f64;
        for ((colour, _), (at, series)) in SERIES.iter().zip(self.series.iter().enumerate()) {
            let points = series.points.iter().filter(|(_, value)| value.is_finite());
            let points = points.map(|(slice, value)| (f64::from(self.slot(*slice)), *value));
            match self.kind {
                Kind::Bars => {
                    let width = 0.8 / shown;
                    #[expect(clippy::cast_precision_loss, reason = "series are few")]
                    let begin = 0.1 + width * at as f64;
                    chart.draw_series(points.map(|(slot, value)| {
                        Rectangle::new([(slot + begin, 0.0), (slot + begin + width, value)], colour.filled())
                    }))?;
                }
                Kind::Lines => {
                    let points: Vec<_> = points.map(|(slot, value)| (slot + 0.5, value)).collect();
                    chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
                    chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
                }
            }
        }
        area.present()
    }
}

type Failed = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;
