//! Counting what `cargo test` prints.

/// How many tests passed, failed and were ignored.
#[derive(Default)]
pub(super) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    names: Vec<String>,
    unsteady: Vec<String>,
}

// === impl Tally ===

impl Tally {
    /// What could not even be run.
    pub(super) fn broken() -> Self {
        Self {
            failed: 1,
            ..Self::default()
        }
    }

    /// Takes in a line of output.
    pub(super) fn read(&mut self, line: &str) {
        let line = &plain(line);
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.names.push(name.to_owned());
        }
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        // `ok. 28 passed; 0 failed; 1 ignored; 0 measured; ...`
        let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
        for part in counts.split("; ") {
            let Some((number, word)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// The run failed: if no test did, what failed was the build or a whole test program.
    pub(super) fn must_have_failed(&mut self) {
        self.failed = self.failed.max(1);
    }

    /// `name` failed, and passed when it was run alone.
    pub(super) fn was_unsteady(&mut self, name: &str) {
        self.names.retain(|failed| failed != name);
        self.unsteady.push(name.to_owned());
        self.failed -= 1;
        self.passed += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.names.extend(other.names.iter().cloned());
        self.unsteady.extend(other.unsteady.iter().cloned());
    }

    pub(super) fn passed(&self) -> usize {
        self.passed
    }

    pub(super) fn failures(&self) -> usize {
        self.failed
    }

    pub(super) fn ignored(&self) -> usize {
        self.ignored
    }

    /// The tests that failed.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The tests that failed in the crowd alone.
    pub(super) fn unsteady(&self) -> &[String] {
        &self.unsteady
    }
}

/// `line` without colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let start = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    std::iter::once(start).chain(rest).collect()
}

/// How many tests `list`, the output of `--list --format=terse`, names.
pub(super) fn listed(list: &str) -> usize {
    list.lines().filter(|line| line.ends_with(": test")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_test_programs_are_added() {
        let mut tally = Tally::default();
        for line in [
            "test a::b ... ok",
            "test a::c ... \u{1b}[31mFAILED\u{1b}[m",
            "test result: FAILED. 28 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.13s",
            "test result: \u{1b}[32mok\u{1b}[m. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            tally.read(line);
        }
        assert_eq!((tally.passed(), tally.failures(), tally.ignored()), (32, 1, 2));
        assert_eq!(tally.names(), ["a::c"]);
    }

    #[test]
    fn a_run_that_failed_without_a_failed_test_counts_as_one() {
        let mut tally = Tally::default();
        tally.must_have_failed();
        assert_eq!(tally.failures(), 1);
    }

    #[test]
    fn listed_tests_are_counted() {
        assert_eq!(listed("a::b: test\na::c: test\nx: benchmark\n"), 2);
    }
}
