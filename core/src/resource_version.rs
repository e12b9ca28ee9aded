//! Versions of objects. One API server's can be compared as numbers (KEP-5504); one that is no number tells nothing.

/// Whether `one` is an older version than `other`; what is no number counts as newer, which costs a look at most.
pub fn is_older(one: &str, other: &str) -> bool {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one < other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers_or_not_at_all() {
        for (one, other, expected) in [
            ("9", "10", true),
            ("10", "9", false),
            ("10", "10", false),
            ("", "10", false),
            ("a", "b", false),
            ("18446744073709551616", "18446744073709551617", false),
        ] {
            assert_eq!(is_older(one, other), expected, "{one} and {other}");
        }
    }
}
