//! Whoever tells whether a server is still the one that is followed.

use std::fmt;

use futures::future::BoxFuture;

use crate::Cause;

/// Asked about a server after each page of a list, and after each opening of a stream, before anything of it is told: another server
/// under the same address would show what is not there, and lack what is (S3).
pub trait Witness: fmt::Debug + Send + Sync {
    /// Whether the server that answers now is the one that is followed. On an error nothing is told, and all is read anew.
    fn vouch(&self) -> BoxFuture<'_, Result<(), Cause>>;
}
