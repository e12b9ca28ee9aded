//! What a policy changes in an object on its way down: paths, patches, CEL, image registries.
//!
//! A [`Program`] is made of a policy's transforms once. For one target and one resource it gives a [`Recipe`]; targets
//! with the same [`Recipe::id`] get the same body. A recipe is deterministic: it reads the object as it is written
//! upstream (its status and what the server keeps in `metadata` are out of sight), the target, and where the object is.
//! On an error the object must be thrown away: the last good state downstream stays (S11).

mod action;
mod bounds;
mod cel;
mod compile;
mod image;
mod json_patch;
mod merge_patch;
pub mod path;
pub(crate) mod pod_spec;
mod program;
mod recipe;
pub(crate) mod reserved;

pub(crate) use self::json_patch::patch;
pub use self::{
    path::{EditError, Path, PathError, Step},
    program::{CompileError, Program, Reach},
    recipe::{Recipe, TransformError},
    reserved::is_of_kcp,
};

/// Where an object is: what CEL reads as `namespace` and `workspace`.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its upstream namespace; empty for a cluster-scoped object.
    pub namespace: &'a str,
    /// The name of its logical cluster; empty for a plain upstream.
    pub workspace_name: &'a str,
    /// The path of its workspace, where it is known.
    pub workspace_path: Option<&'a str>,
}
