//! Waiting for conditions, with a deadline.

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

/// The pause after the first attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// The longest pause between two attempts: long enough to leave the processors to those that are waited for.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What one look at a condition gives: the value that was waited for, or the present state in words.
pub trait Attempt {
    /// What is waited for.
    type Value;

    /// The value, or what was seen instead of it.
    fn outcome(self) -> Result<Self::Value, String>;
}

/// Looks until `attempt` succeeds and returns its value.
///
/// # Panics
/// When `deadline` has passed, with `what` and the last state seen.
#[track_caller]
pub fn wait_for<A: Attempt>(what: &str, deadline: Duration, attempt: impl FnMut() -> A) -> A::Value {
    match poll(deadline, attempt) {
        Ok(value) => value,
        Err(state) => panic!("waited {deadline:?} for {what}; last seen: {state}"),
    }
}

/// Looks until `attempt` succeeds; the last state seen when `deadline` has passed. It looks at least once.
pub fn poll<A: Attempt>(deadline: Duration, mut attempt: impl FnMut() -> A) -> Result<A::Value, String> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        let state = match attempt().outcome() {
            Ok(value) => return Ok(value),
            Err(state) => state,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(state);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Looks again and again for as long as `window`, for what must not happen in it. Where something can be waited for that
/// comes after what must not happen, wait for that instead, or before.
///
/// # Panics
/// When `holds` fails, with `what` and the state seen.
#[track_caller]
pub fn stays<A: Attempt>(what: &str, window: Duration, mut holds: impl FnMut() -> A) {
    let start = Instant::now();
    while start.elapsed() < window {
        if let Err(state) = holds().outcome() {
            panic!("after {:?} no longer {what}; seen: {state}", start.elapsed());
        }
        thread::sleep(LONGEST_PAUSE);
    }
}

// === impl Attempt ===

impl<T> Attempt for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Display> Attempt for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|state| state.to_string())
    }
}

impl Attempt for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("not so".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_the_condition_holds() {
        let mut looks = 0;
        let seen = wait_for("the third look", Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(seen, 3);
    }

    #[test]
    fn it_looks_once_even_without_time() {
        assert_eq!(poll(Duration::ZERO, || Some(1)), Ok(1));
    }

    #[test]
    #[should_panic(expected = "for the impossible; last seen: 2 of 3")]
    fn it_says_what_it_waited_for_and_what_it_saw() {
        wait_for("the impossible", Duration::from_millis(5), || Err::<(), _>("2 of 3"));
    }

    #[test]
    #[should_panic(expected = "no longer quiet; seen: noise")]
    fn what_must_not_happen_is_noticed() {
        let mut looks = 0;
        stays("quiet", Duration::from_secs(5), || {
            looks += 1;
            if looks < 2 { Ok(()) } else { Err("noise") }
        });
    }
}
