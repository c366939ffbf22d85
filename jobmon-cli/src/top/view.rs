//! How it is drawn.

use super::seen::{State, Sums};
use jobmon_core::{Amount, Quantity, Usd};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Gauge, Paragraph, Row, Sparkline, Table};
use std::time::Duration;

const QUIET: Style = Style::new().fg(Color::DarkGray);
const BAD: Style = Style::new().fg(Color::Red);

pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let budgets = u16::try_from(state.budgets.len().min(6)).unwrap_or(0);
    let parts = [
        Constraint::Length(3),
        Constraint::Length(6),
        Constraint::Length(if budgets == 0 { 0 } else { budgets + 2 }),
        Constraint::Min(6),
        Constraint::Length(9),
        Constraint::Length(1),
    ];
    let [head, chart, budgets, groups, below, foot] = Layout::vertical(parts).areas(frame.area());
    self::head(frame, head, state);
    throughput(frame, chart, state);
    self::budgets(frame, budgets, state);
    self::groups(frame, groups, state);
    let [slowest, errors] =
        Layout::horizontal([Constraint::Percentage(68), Constraint::Percentage(32)]).areas(below);
    self::slowest(frame, slowest, state);
    self::errors(frame, errors, state);
    let keys = if state.paused { "paused: p goes on" } else { "p pause" };
    let problem = state.problem.as_deref().unwrap_or_default();
    let keys = Line::from(vec![
        Span::styled(format!("q quit · {keys} · Tab next table  "), QUIET),
        Span::styled(problem, BAD),
    ]);
    frame.render_widget(keys, foot);
}

fn per_minute(count: u64, window: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded")]
    let rate = count as f64 * 60.0 / window.as_secs_f64().max(1.0);
    Quantity::Number((rate * 10.0).round() / 10.0).to_string()
}

fn cost(sums: &Sums) -> String {
    sums.cost.cost().map_or_else(|| "–".to_owned(), |cost| cost.to_string())
}

fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share is rounded")]
    let share = part as f64 / whole.max(1) as f64;
    if whole == 0 { "–".to_owned() } else { Quantity::Ratio(share).to_string() }
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| Quantity::Duration(time).to_string())
}

fn head(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let total = state.total();
    let minutes = i128::from(total.cost.usd.nanos()) * 60 / i128::from(state.window.as_secs().max(1));
    let a_minute = Usd::from_nanos(i64::try_from(minutes).unwrap_or(i64::MAX));
    let bold = |text: String| Span::styled(text, Style::new().add_modifier(Modifier::BOLD));
    let errors = share(total.failed, total.calls);
    let line = Line::from(vec![
        bold(per_minute(total.calls, state.window)),
        Span::raw(" calls/min   "),
        bold(a_minute.to_string()),
        Span::raw("/min   errors "),
        Span::styled(errors, if total.failed > 0 { BAD } else { Style::new() }),
        Span::raw("   p95 "),
        bold(time(total.p95())),
        Span::raw("   "),
        bold(Quantity::Count(total.tokens).to_string()),
        Span::raw(" tokens"),
    ]);
    let title = format!(" jobmon top · last {} · {} ", Quantity::Duration(state.window), state.now);
    frame.render_widget(Paragraph::new(line).block(Block::bordered().title(title)), area);
}

fn throughput(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let slices = usize::from(area.width.saturating_sub(2)).max(1);
    let counts = state.throughput(slices);
    let most = counts.iter().max().copied().unwrap_or(0);
    let each = Quantity::Duration(state.window / u32::try_from(slices).unwrap_or(1));
    let block = Block::bordered().title(format!(" Calls, each column {each}, at most {most} "));
    let chart = Sparkline::default().block(block).data(&counts).style(Style::new().fg(Color::Blue));
    frame.render_widget(chart, area);
}

fn budgets(frame: &mut Frame<'_>, area: Rect, state: &State) {
    if area.height < 3 {
        return;
    }
    let block = Block::bordered().title(" Budgets ");
    let inside = block.inner(area);
    frame.render_widget(block, area);
    for (at, status) in state.budgets.iter().take(usize::from(inside.height)).enumerate() {
        let number = |amount: Amount| match amount {
            Amount::Usd(usd) => i128::from(usd.nanos()),
            Amount::Tokens(tokens) => i128::from(tokens),
        };
        let percent = (number(status.spent) * 100 / number(status.limit).max(1)).clamp(0, 100);
        let key = status.key.as_ref().map(|key| format!(" of {key}")).unwrap_or_default();
        let label = format!("{}{key}: {} of {}", status.budget, status.spent, status.limit);
        let colour = if percent >= 100 {
            Color::Red
        } else if percent >= 80 {
            Color::Yellow
        } else {
            Color::Green
        };
        let gauge = Gauge::default()
            .percent(u16::try_from(percent).unwrap_or(100))
            .label(jobmon_core::report::one_line(&label))
            .gauge_style(Style::new().fg(colour));
        let y = inside.y + u16::try_from(at).unwrap_or(0);
        frame.render_widget(gauge, Rect { y, height: 1, ..inside });
    }
}

fn table<'a>(title: String, heads: &[&'a str], widths: &[Constraint], rows: Vec<Row<'a>>) -> Table<'a> {
    let heads = Row::new(heads.iter().map(|head| Cell::from(*head))).style(QUIET);
    Table::new(rows, widths.to_vec()).header(heads).block(Block::bordered().title(title)).column_spacing(2)
}

fn groups(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let groups = state.groups();
    let rows = groups.iter().map(|(name, sums)| {
        let failed = Cell::from(share(sums.failed, sums.calls)).style(if sums.failed > 0 {
            BAD
        } else {
            Style::new()
        });
        Row::new(vec![
            Cell::from(name.clone()),
            Cell::from(Quantity::Count(sums.calls).to_string()),
            failed,
            Cell::from(time(sums.p95())),
            Cell::from(Quantity::Count(sums.tokens).to_string()),
            Cell::from(cost(sums)),
        ])
    });
    let widths = [
        Constraint::Min(16),
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(12),
        Constraint::Length(16),
    ];
    let heads = [state.by.name(), "calls", "errors", "p95", "tokens", "cost"];
    let title = format!(" By {} ({}) ", state.by.name(), groups.len());
    frame.render_widget(table(title, &heads, &widths, rows.collect()), area);
}

fn slowest(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state.slowest(usize::from(area.height.saturating_sub(3))).into_iter().map(|seen| {
        let money = seen.cost.cost().map_or_else(|| "–".to_owned(), |cost| cost.to_string());
        let style = if seen.failed.is_some() { BAD } else { Style::new() };
        Row::new(vec![time(Some(seen.took)), seen.name.clone(), seen.model.clone(), money]).style(style)
    });
    let widths = [Constraint::Length(9), Constraint::Min(12), Constraint::Min(14), Constraint::Length(14)];
    let table =
        table(" Slowest requests ".to_owned(), &["took", "name", "model", "cost"], &widths, rows.collect());
    frame.render_widget(table, area);
}

fn errors(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state
        .errors()
        .into_iter()
        .map(|(name, count)| Row::new(vec![Quantity::Count(count).to_string(), name]));
    let widths = [Constraint::Length(6), Constraint::Min(10)];
    frame.render_widget(table(" Errors ".to_owned(), &["calls", "category"], &widths, rows.collect()), area);
}
