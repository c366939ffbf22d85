//! `jobmon top`: what happens now, in a terminal.

mod seen;
mod view;

use crate::args::Source;
use crate::commands::{Message, message};
use crate::place::Archive;
use clap::Args as Group;
use jobmon_core::{Budgets, Range, Settings, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use seen::{By, Seen, State};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at the history.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at budgets, which may go through many calls.
const LOOK_AT_BUDGETS: Duration = Duration::from_secs(10);
/// Calls that are read at once.
const MOST: usize = 10_000;
/// Of a frame that is printed.
const PRINTED: (u16, u16) = (110, 36);

#[derive(Debug, Group)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    source: Source,
    /// How far back it looks
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = window)]
    window: Duration,
    /// What the table is by; Tab goes on to the next
    #[arg(long, value_enum, default_value = "feature")]
    by: By,
    /// Print what there is and end; the default where the output is no terminal
    #[arg(long)]
    once: bool,
    /// The configuration with `[[budgets]]`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn window(text: &str) -> Result<Duration, String> {
    let age = crate::time::age(text).filter(|age| (10..=86_400).contains(&age.as_secs()));
    age.ok_or_else(|| "expected a time from `10s` to `1d`, such as `5m`".to_owned())
}

/// Reads on where it stopped.
struct Follower {
    history: Box<dyn Archive>,
    row: i64,
    settings: Settings,
    budgets: Instant,
}

impl Follower {
    fn start(args: &TopArgs, state: &mut State) -> Result<Self, Message> {
        let settings = jobmon_export::settings(args.config.as_deref()).map_err(message)?;
        let history = args.source.open()?;
        // What is written between the two is read twice, and told by its span.
        let row = history.last_call_row().map_err(message)?;
        let range = Range { since: Timestamp::now().minus(args.window), until: Timestamp::MAX };
        let calls = history.latest_calls(range, &[], None, MOST).map_err(message)?;
        calls.iter().rev().for_each(|(_, call)| state.add(Seen::of(call)));
        let mut follower = Self { history, row, settings, budgets: Instant::now() };
        follower.look_at_budgets(state)?;
        Ok(follower)
    }

    fn look(&mut self, state: &mut State) -> Result<(), Message> {
        for (row, (_, call)) in self.history.calls_after_row(self.row, MOST).map_err(message)? {
            self.row = self.row.max(row);
            state.add(Seen::of(&call));
        }
        if self.budgets <= Instant::now() {
            self.look_at_budgets(state)?;
        }
        Ok(())
    }

    fn look_at_budgets(&mut self, state: &mut State) -> Result<(), Message> {
        self.budgets = Instant::now() + LOOK_AT_BUDGETS;
        state.budgets = Budgets::left(&self.settings, &*self.history)?;
        Ok(())
    }
}

pub(crate) fn run(args: &TopArgs) -> Result<String, Message> {
    let mut state = State::new(args.window, args.by);
    let mut follower = Follower::start(args, &mut state)?;
    if args.once || !std::io::stdout().is_terminal() {
        return printed(&mut state);
    }
    let mut terminal = ratatui::init();
    let ended = live(&mut terminal, &mut follower, &mut state);
    ratatui::restore();
    ended.map(|()| String::new())
}

/// One frame as text.
fn printed(state: &mut State) -> Result<String, Message> {
    state.forget(Timestamp::now());
    let (wide, high) = PRINTED;
    let mut terminal = Terminal::new(TestBackend::new(wide, high)).map_err(message)?;
    terminal.draw(|frame| view::draw(frame, state)).map_err(message)?;
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let cells = (0..wide).filter_map(|x| buffer.cell((x, y))).map(ratatui::buffer::Cell::symbol);
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    Ok((0..high).map(line).collect())
}

/// Draws until somebody presses `q`.
fn live(
    terminal: &mut ratatui::DefaultTerminal,
    follower: &mut Follower,
    state: &mut State,
) -> Result<(), Message> {
    let mut look = Instant::now();
    loop {
        if look <= Instant::now() {
            look = Instant::now() + LOOK;
            if !state.paused {
                // A history that is busy is looked at again.
                state.problem = follower.look(state).err();
                state.forget(Timestamp::now());
            }
        }
        terminal.draw(|frame| view::draw(frame, state)).map_err(message)?;
        let wait = look.saturating_duration_since(Instant::now());
        if !event::poll(wait).map_err(message)? {
            continue;
        }
        if let Event::Key(key) = event::read().map_err(message)?
            && key.kind == KeyEventKind::Press
        {
            match key.code {
                KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
                KeyCode::Char('p' | ' ') => state.paused = !state.paused,
                KeyCode::Tab | KeyCode::Char('b') => state.by = state.by.next(),
                _ => {}
            }
        }
    }
}
