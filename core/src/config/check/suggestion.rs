//! What was meant, perhaps.

/// `; did you mean "strategy"?` where one of `known` is near, else nothing.
pub(super) fn suggest(written: &str, known: &[&str]) -> String {
    // A name that is far longer than any of ours is no slip of the finger.
    if written.len() > 64 {
        return String::new();
    }
    let lower = written.to_lowercase();
    let nearest = known
        .iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), *name))
        .min();
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 5 => format!("; did you mean {name:?}?"),
        _ => String::new(),
    }
}

/// How many characters have to be put in, taken out or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, char) in from.chars().enumerate() {
        let (mut diagonal, mut left) = (line, line + 1);
        for (above, other) in row.iter_mut().skip(1).zip(&to) {
            let cost = (diagonal + usize::from(char != *other)).min(left + 1).min(*above + 1);
            (diagonal, left, *above) = (*above, cost, cost);
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_changes() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("a", "a", 0),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["strategy", "fields", "adoption"];
        assert_eq!(suggest("strategie", &known), "; did you mean \"strategy\"?");
        assert_eq!(suggest("Adoption", &known), "; did you mean \"adoption\"?");
        assert_eq!(suggest("elephant", &known), "");
        assert_eq!(suggest(&"a".repeat(1 << 20), &known), "");
    }
}
