//! What a policy changes in an object on its way down: paths, patches, CEL, image registries.
//!
//! A [`Program`] is made of a policy's transforms once. For one target and one resource it gives a [`Recipe`]; targets
//! with the same [`Recipe::id`] get the same body. A recipe is deterministic: it reads the object as it is written
//! upstream (its status and what the server keeps in `metadata` are out of sight), the target, and where the object is.
//! On an error the object must be thrown away: the last good state downstream stays (S11).

pub mod path;

pub use self::path::{EditError, Path, PathError, Step};
