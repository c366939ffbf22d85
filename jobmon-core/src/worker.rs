//! The worker: takes events off the queue, prices and values them, hands them to every exporter.

use crate::context;
use crate::event::Event;
use crate::exporter::Batch;
use crate::intake;
use crate::labels::Labels;
use crate::lane::lock;
use crate::monitor::Shared;
use crate::rollup::Rollups;
use std::sync::{Arc, PoisonError};

pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<()> {
    std::thread::Builder::new().name("jobmon".to_owned()).spawn(move || run(&shared))?;
    Ok(())
}

fn run(shared: &Shared) {
    context::suppress_on_this_thread();
    // Decoding the price list takes tens of milliseconds: here, before the first event needs it.
    shared.settings.prices.warm_up();
    let resource = Arc::new(shared.settings.resource.clone());
    let mut rollups = Rollups::default();
    let mut labels = Labels::default();
    loop {
        let interval = shared.settings.flush_interval;
        let many = shared.many();
        let (mut queue, _) = shared
            .wake
            .wait_timeout_while(lock(&shared.queue), interval, |queue| {
                queue.events.len() < many && queue.flushes.is_empty() && queue.stopping.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        // As much room as was needed, up to a bound: callers should not have to grow it.
        let room = Vec::with_capacity(queue.events.len().min(many));
        let mut events = std::mem::replace(&mut queue.events, room);
        let ends = std::mem::take(&mut queue.ends);
        let flushes = std::mem::take(&mut queue.flushes);
        let stopping = queue.stopping.clone();
        drop(queue);

        if let Err(error) = shared.settings.prices.refresh() {
            let text = format!("new prices are wrong, so those in force stay in force: {error}");
            shared.settings.warnings.once(&text, &text);
        }
        if !events.is_empty() {
            for event in &mut events {
                intake::prepare(&shared.settings, event);
                match event {
                    Event::Call(call) => rollups.pass(call, &shared.settings.keep),
                    Event::Label(label) => labels.join(label),
                    Event::Late(late) => shared.book.late(late),
                    _ => {}
                }
            }
            for (at, around) in ends {
                if let Some(Event::Call(call)) = events.get(at) {
                    around.end(call);
                }
            }
            let batch = Batch { resource: Arc::clone(&resource), events: Arc::new(events) };
            shared.lanes.iter().for_each(|lane| lane.offer(batch.clone()));
        }
        for ticket in flushes {
            shared.lanes.iter().for_each(|lane| lane.flush(Arc::clone(&ticket)));
        }
        if let Some(ticket) = stopping {
            shared.lanes.iter().for_each(|lane| lane.stop(Arc::clone(&ticket)));
            ticket.done();
            return;
        }
    }
}
