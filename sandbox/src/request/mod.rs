//! What a request asks for.

pub(crate) mod options;
pub(crate) mod path;
pub(crate) mod representation;
