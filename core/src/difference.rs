//! What a write would change, for people to read: objects as they are shown, and the lines that differ.

mod applied;
mod shown;
mod unified;

pub use applied::{applied, operations, patched};
pub use shown::{hashed, is_marked, shown, without_allocated};
pub use unified::{Names, unified};
