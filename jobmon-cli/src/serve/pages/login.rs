//! Where a browser tells the token.

use super::super::guard::COOKIE_NAME;
use super::{App, shell};
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use std::collections::HashMap;

fn page(problem: Option<&str>) -> Markup {
    let body = html! {
        form method="post" action="/login" {
            @if let Some(problem) = problem { p class="mistake" role="alert" { (problem) } }
            p { label { "Token " input type="password" name="token" autocomplete="current-password" required; } " " button { "Enter" } }
        }
    };
    shell("Who are you?", None, &body)
}

pub(super) async fn form(State(app): State<App>) -> Response {
    if app.token.is_none() {
        return Redirect::to("/").into_response();
    }
    Html(page(None).into_string()).into_response()
}

pub(super) async fn enter(State(app): State<App>, Form(told): Form<HashMap<String, String>>) -> Response {
    let Some(token) = &app.token else { return Redirect::to("/").into_response() };
    let told = told.get("token").map(|told| told.trim()).unwrap_or_default();
    if !token.is(told) {
        return (StatusCode::UNAUTHORIZED, Html(page(Some("That is not the token.")).into_string()))
            .into_response();
    }
    let cookie = format!("{COOKIE_NAME}={told}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}
