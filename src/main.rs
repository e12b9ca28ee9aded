//! `tmc-syncer`: the process.

fn main() {}
