//! The test bed itself: what the other tests rely on.

mod api_server;
mod kcp;
mod workload;
