//! The mass-deletion guard: many objects never go on absence alone (S3).

pub mod confirmation;

/// Up to this many may always go.
const ALWAYS: usize = 10;

/// Whether `missing` objects of the `held` that a target holds may go because a list did not have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each may go once its own absence is confirmed.
    Admitted,
    /// Too many at once: nothing goes until they are seen again or a person confirms.
    Held,
}

/// Judges an absence of `missing` among the `held` objects of one target, the missing ones included.
pub fn judge(missing: usize, held: usize) -> Verdict {
    if missing > ALWAYS && missing > held / 2 {
        return Verdict::Held;
    }
    Verdict::Admitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_ten_and_more_than_half_is_held() {
        let cases = [
            (0, 0, Verdict::Admitted),
            (10, 10, Verdict::Admitted),
            (11, 11, Verdict::Held),
            (11, 21, Verdict::Held),
            (11, 22, Verdict::Admitted),
            (50, 100, Verdict::Admitted),
            (51, 100, Verdict::Held),
            (usize::MAX, usize::MAX, Verdict::Held),
        ];
        for (missing, held, verdict) in cases {
            assert_eq!(judge(missing, held), verdict, "{missing} of {held}");
        }
    }
}
