//! The rows.

mod apply;
mod bodies;
mod conditions;
mod custom;
mod deletion;
mod forms;
mod kcp;
mod lists;
mod objects;
mod ownership;
mod patch;
mod services;
mod validation;
mod watches;
mod windows;
mod workloads;

use crate::row::{Kind, Row};

/// All rows.
pub(crate) fn all() -> Vec<Row> {
    [
        objects::rows(),
        conditions::rows(),
        patch::rows(),
        apply::rows(),
        ownership::rows(),
        deletion::rows(),
        lists::rows(),
        watches::rows(),
        forms::rows(),
        workloads::rows(),
        services::rows(),
        validation::rows(),
        custom::rows(),
        kcp::rows(),
        windows::rows(),
    ]
    .concat()
}

/// The rows about `kind`.
pub(crate) fn of(kind: Kind) -> Vec<Row> {
    let mut rows = all();
    rows.retain(|row| row.kind == kind);
    rows
}
