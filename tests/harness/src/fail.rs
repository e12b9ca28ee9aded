//! How a step of a test fails.

use std::fmt::Display;

/// Turns an error of a step into a failed test that names the step.
pub trait OrFail<T> {
    /// The value, or a panic at the caller's line with `step` and the cause.
    #[track_caller]
    fn or_fail(self, step: &str) -> T;
}

// === impl OrFail ===

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, step: &str) -> T {
        match self {
            Ok(value) => value,
            Err(cause) => panic!("{step}: {cause}"),
        }
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, step: &str) -> T {
        match self {
            Some(value) => value,
            None => panic!("{step}: nothing there"),
        }
    }
}
