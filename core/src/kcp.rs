//! What the objects of kcp say: which endpoints an export has, what it provides and claims, and what the binding of a workspace lets
//! the syncer conclude.

pub mod binding;
pub mod export;
pub mod slice;
pub mod standing;
pub mod types;

pub use binding::{Binding, ClaimState};
pub use export::{Export, ExportedResource, ResourceSchema};
pub use standing::{Provision, Standing};
