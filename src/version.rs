//! What `--version` says.

/// The version, the commit that it was built from, and the day on which that was made; `unknown` where the source does not tell (build.rs).
pub(crate) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("BUILT_FROM_COMMIT"),
    ", ",
    env!("BUILT_FROM_DATE"),
    ")"
);
