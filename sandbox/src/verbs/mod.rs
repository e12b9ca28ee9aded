//! What can be asked of objects.

pub(crate) mod apply;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod scale;
pub(crate) mod token;
pub(crate) mod watch;
pub(crate) mod write;
