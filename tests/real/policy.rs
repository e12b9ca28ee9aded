//! What policies and targets from files decide, and what follows when they change.

mod crowd;
mod dependencies;
mod dry_run;
mod edits;
mod guard;
mod namespaces;
mod outage;
mod restart;
mod scene;
mod secrets;
mod selection;
mod things;
mod told;
mod transforms;
