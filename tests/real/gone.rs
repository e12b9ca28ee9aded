//! What goes, what stays, and what is let go of.

mod confirm;
mod finalizers;
mod namespaces;
mod outage;
mod release;
mod replaced;
mod site;
mod stage;
mod stays;
mod sweep;
mod targets;
