//! What goes, what stays, and what is let go of.

mod finalizers;
mod namespaces;
mod release;
mod stage;
mod stays;
mod targets;
