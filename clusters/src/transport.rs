//! How requests travel: a few HTTP/2 connections per API server, writes and watches on separate lanes.

mod connect;
mod connect_timeout;
mod fenced;
mod first_alone;
mod lanes;
mod token_file;

use bytes::Bytes;
pub(crate) use connect::{channels, in_process};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
pub(crate) use lanes::{Lanes, Lease};
use tower::{BoxError, util::BoxCloneSyncService};

/// The body of an answer, read piece by piece.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// Something that answers requests: one HTTP/2 connection, or a service in a test.
pub(crate) type Channel = BoxCloneSyncService<Request<Bytes>, Response<AnswerBody>, BoxError>;

/// Makes channels, each with a connection of its own once it is used.
pub(crate) type MakeChannel = Box<dyn Fn() -> Channel + Send + Sync>;

#[cfg(test)]
mod tests;
