//! What goes down, exactly: the four kinds on a target where Deployments run.

mod admission;
mod adoption;
mod autoscaler;
pub(crate) mod clusters;
mod drift;
mod edits;
mod exchanges;
pub(crate) mod fidelity;
mod fights;
mod immutable;
mod neighbours;
pub(crate) mod object;
mod patience;
mod unknown_fields;
