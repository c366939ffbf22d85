//! Alerts: what fires, what is configured, what became of them.

use super::look::Look;
use super::parts::moment;
use super::{App, Page};
use crate::commands::{Message, message};
use crate::html;
use crate::place::Archive;
use jobmon_core::{Alert, AlertState, Dimension, Resource, Text};
use jobmon_export::AlertChange;
use maud::{Markup, html};

/// Changes that are shown.
const MOST: usize = 200;

pub(super) fn make(app: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let states = history.alert_states().map_err(message)?;
    let silences = history.silences().map_err(message)?;
    let changes = history.alert_changes(look.range, MOST).map_err(message)?;
    let firing: Vec<_> = states.iter().filter(|(_, state)| state.told.is_some()).collect();
    let waiting: Vec<_> = states.iter().filter(|(_, state)| state.told.is_none()).collect();
    let body = html! {
        section aria-labelledby="firing" {
            h2 id="firing" { "Firing now" }
            @if firing.is_empty() { p { "None." } } @else { (table("Firing now", &firing)) }
        }
        @if !waiting.is_empty() {
            section aria-labelledby="waiting" { h2 id="waiting" { "Hold, and not for long enough to fire" } (table("Waiting", &waiting)) }
        }
        @if !silences.is_empty() {
            section aria-labelledby="silenced" {
                h2 id="silenced" { "Silenced" }
                ul { @for (name, until) in &silences { li { (html::name(name)) " until " (moment(*until)) } } }
            }
        }
        section aria-labelledby="configured" {
            h2 id="configured" { "Configured" }
            @if app.alerts.is_empty() { p { "None in the configuration of this server; agents may have their own." } } @else { (configured(&app.alerts)) }
        }
        section aria-labelledby="changes" {
            h2 id="changes" { "What became of them" }
            @if changes.is_empty() { p { "Nothing in this time." } } @else { (became(&changes)) }
        }
    };
    Ok(Page::new("Alerts", body, Vec::new()))
}

fn group(group: &[(Dimension, Option<Text>)]) -> String {
    let pair = |(dimension, value): &(Dimension, Option<Text>)| {
        format!("{dimension} {}", value.as_deref().unwrap_or("none"))
    };
    group.iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn owner(resource: &Resource) -> String {
    let parts = [&resource.project_id, &resource.service_name, &resource.environment];
    parts.into_iter().flatten().map(Text::as_str).collect::<Vec<_>>().join(" / ")
}

fn table(caption: &str, states: &[&(Resource, AlertState)]) -> Markup {
    html! {
        div class="scroll" role="region" aria-label=(format!("{caption}, a table")) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for head in ["alert", "group", "service", "holds since", "told"] { th scope="col" { (head) } } } }
                tbody {
                    @for (resource, state) in states {
                        tr {
                            th scope="row" { (html::name(&state.alert)) }
                            td { (html::name(&group(&state.group))) }
                            td { (html::name(&owner(resource))) }
                            td { (moment(state.since)) }
                            td { @if let Some(told) = state.told { (moment(told)) @if !state.heard { " (silent)" } } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn configured(alerts: &[Alert]) -> Markup {
    html! {
        div class="scroll" role="region" aria-label="Configured alerts, a table" tabindex="0" {
            table {
                caption { "Configured alerts" }
                thead { tr { @for head in ["name", "condition", "window", "for", "channels"] { th scope="col" { (head) } } } }
                tbody {
                    @for alert in alerts {
                        @let channels: Vec<_> = alert.channel_names().iter().map(Text::as_str).collect();
                        tr {
                            th scope="row" { (html::name(alert.name())) }
                            td { code { (alert.condition().map(ToString::to_string).unwrap_or_default()) } }
                            td { (jobmon_core::Quantity::Duration(alert.window_length())) }
                            td { @if alert.held_for().is_zero() { "–" } @else { (jobmon_core::Quantity::Duration(alert.held_for())) } }
                            td { @if channels.is_empty() { "all" } @else { (channels.join(", ")) } }
                        }
                    }
                }
            }
        }
    }
}

fn became(changes: &[AlertChange]) -> Markup {
    html! {
        div class="scroll" role="region" aria-label="What became of alerts, a table" tabindex="0" {
            table {
                caption { "What became of alerts" }
                thead { tr { @for head in ["at", "alert", "group", "service", "what", "held since"] { th scope="col" { (head) } } } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" { (moment(change.at)) }
                            td { (html::name(&change.alert)) }
                            td { (html::name(&group(&change.group))) }
                            td { (html::name(&owner(&change.resource))) }
                            td { (change.kind.name()) @if change.silent { " (silent)" } }
                            td { (moment(change.since)) }
                        }
                    }
                }
            }
        }
    }
}
