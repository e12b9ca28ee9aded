//! The page at `/`: three files in the binary that draw what the other pages say. Nothing comes from elsewhere, and nothing that a
//! cluster says is taken for markup.

use axum::{
    Router,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse, Response},
    routing::get,
};

use super::Shown;

/// Only what this server serves itself; no other site may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The page and what it is made of.
pub(super) fn routes() -> Router<Shown> {
    Router::new()
        .route(
            "/",
            get(|| async { file("text/html; charset=utf-8", include_str!("page/index.html")) }),
        )
        .route(
            "/page.css",
            get(|| async { file("text/css; charset=utf-8", include_str!("page/page.css")) }),
        )
        .route(
            "/page.js",
            get(|| async { file("text/javascript; charset=utf-8", include_str!("page/page.js")) }),
        )
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // Another version of the syncer may answer here next time.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, content).into_response()
}
