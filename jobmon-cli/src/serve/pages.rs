use super::App;
pub(super) fn router() -> axum::Router<App> {
    axum::Router::new()
}
