//! Server-side apply: who owns which field, and what a merge makes of it.
//!
//! An algebra of its own over JSON values and [`Shape`](crate::schema::Shape)s: sets of field paths ([`fieldset`]), the paths of a value
//! ([`typed`]), what differs between two values ([`compare`]), the merge of an applied body into the live object ([`merge`]), the removal
//! of what a manager gives up ([`remove`]), and the managers of an object ([`managers`]). [`update`] puts them together.

pub(crate) mod compare;
pub(crate) mod element;
pub(crate) mod fieldset;
pub(crate) mod managers;
pub(crate) mod merge;
pub(crate) mod remove;
pub(crate) mod typed;
pub(crate) mod update;

#[cfg(test)]
mod tests;
