//! Tests on real control planes that fail in the crowd and pass alone.
//!
//! Three dozen servers share the processors with the tests. A few tests that fail there are run again alone, twice: those that pass
//! both times are *unsteady*. They are named in the summary and have to be mended, but do not hold up a change that did not cause them.

use crate::{cargo, failure::Failure};

use super::{REAL, tally::Tally};

/// So many failures may be chance; more are not.
const MOST: usize = 2;

/// How often a test has to pass alone.
const TIMES: usize = 2;

/// Runs what failed once more, alone, and takes what passes from the failures of `tally`.
pub(super) fn again(tally: &mut Tally) -> Result<(), Failure> {
    if !may_be_chance(tally) {
        return Ok(());
    }
    for name in tally.names().to_vec() {
        if passes_alone(&name)? {
            tally.was_unsteady(&name);
        }
    }
    Ok(())
}

/// Whether the failures are few, and all of them are of tests: a program that does not build or dies is no chance.
fn may_be_chance(tally: &Tally) -> bool {
    let names = tally.names().len();
    names == tally.failures() && (1..=MOST).contains(&names)
}

fn passes_alone(name: &str) -> Result<bool, Failure> {
    for time in 1..=TIMES {
        println!("--- {name} alone, {time} of {TIMES}");
        let status = cargo::command()
            .arg("test")
            .args(REAL)
            .args(["--", "--exact", name])
            .status()
            .map_err(Failure::io("run cargo test"))?;
        if !status.success() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failed: usize, result: usize) -> Tally {
        let mut tally = Tally::default();
        for number in 0..failed {
            tally.read(&format!("test a::b{number} ... FAILED"));
        }
        tally.read(&format!(
            "test result: FAILED. 9 passed; {result} failed; 0 ignored; 0 measured"
        ));
        tally
    }

    #[test]
    fn only_few_failures_of_tests_may_be_chance() {
        for (failed, result, expected) in [
            (0, 0, false),
            (1, 1, true),
            (2, 2, true),
            (3, 3, false),
            (0, 1, false),
            (1, 2, false),
        ] {
            assert_eq!(may_be_chance(&tally(failed, result)), expected, "{failed} of {result}");
        }
    }

    #[test]
    fn an_unsteady_test_counts_as_passed_and_is_named() {
        let mut tally = tally(2, 2);
        tally.was_unsteady("a::b1");
        assert_eq!((tally.passed(), tally.failures()), (10, 1));
        assert_eq!(tally.names(), ["a::b0"]);
        assert_eq!(tally.unsteady(), ["a::b1"]);
    }
}
