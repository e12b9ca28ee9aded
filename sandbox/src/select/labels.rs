//! Label selectors.

/// Requirements that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    name: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
    Greater(i64),
    Less(i64),
}

// === impl LabelSelector ===

impl LabelSelector {
    /// Reads a selector such as `app=web,tier in (a, b),!canary`.
    ///
    /// # Errors
    /// What could not be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let requirements = split(text)
            .into_iter()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Requirement::parse);
        requirements.collect::<Result<_, _>>().map(Self)
    }

    /// The same, with a label that must have this value.
    pub(crate) fn require(&mut self, name: &str, value: &str) {
        self.0.push(Requirement {
            name: name.to_owned(),
            test: Test::In(vec![value.to_owned()]),
        });
    }

    /// Whether nothing is required.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the labels that `label` finds meet all requirements.
    pub(crate) fn selects<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.holds(label(&requirement.name)))
    }
}

// === impl Requirement ===

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let new = |name: &str, test: Test| match name.trim() {
            "" => Err(format!(
                "found '{}', expected: !, identifier, or 'end of string'",
                text.get(..1).unwrap_or_default()
            )),
            name => Ok(Self {
                name: name.to_owned(),
                test,
            }),
        };
        if let Some(name) = text.strip_prefix('!') {
            return new(name, Test::Missing);
        }
        for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
            if let Some((name, value)) = text.split_once(operator) {
                let value = value.trim();
                let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                if let Some(strange) = value.chars().find(|c| !is_word(*c)) {
                    return Err(format!("found '{strange}', expected: identifier"));
                }
                let values = vec![value.to_owned()];
                return new(
                    name,
                    if negative {
                        Test::NotIn(values)
                    } else {
                        Test::In(values)
                    },
                );
            }
        }
        for (operator, greater) in [('>', true), ('<', false)] {
            if let Some((name, value)) = text.split_once(operator) {
                let value = value
                    .trim()
                    .parse()
                    .map_err(|_| format!("unable to parse requirement: {:?} is no integer", value.trim()))?;
                return new(
                    name,
                    if greater {
                        Test::Greater(value)
                    } else {
                        Test::Less(value)
                    },
                );
            }
        }
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let values = |list: &str| -> Option<Vec<String>> {
            let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(list.split(',').map(|value| value.trim().to_owned()).collect())
        };
        match rest
            .strip_prefix("in")
            .and_then(values)
            .map(Test::In)
            .or_else(|| rest.strip_prefix("notin").and_then(values).map(Test::NotIn))
        {
            Some(found) => new(name, found),
            None if rest.is_empty() => new(name, Test::Exists),
            None => {
                let word = rest.split_whitespace().next().unwrap_or_default();
                Err(format!(
                    "unable to parse requirement: found '{word}', expected: in, notin, =, ==, !=, gt, lt"
                ))
            }
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        match (&self.test, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::Missing, value) => value.is_none(),
            (Test::In(values), Some(value)) => values.iter().any(|wanted| wanted == value),
            (Test::NotIn(values), Some(value)) => values.iter().all(|unwanted| unwanted != value),
            (Test::NotIn(_), None) => true,
            (Test::Greater(limit), Some(value)) => value.parse::<i64>().is_ok_and(|value| value > *limit),
            (Test::Less(limit), Some(value)) => value.parse::<i64>().is_ok_and(|value| value < *limit),
            (_, None) => false,
        }
    }
}

/// The parts between the commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_select_by_label() {
        let labels = |name: &str| match name {
            "app" => Some("web"),
            "n" => Some("5"),
            _ => None,
        };
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web,n=5", true),
            ("app=db", false),
            ("app!=db", true),
            ("other!=db", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("app in (db, web)", true),
            ("app in (db),n", false),
            ("app notin (db)", true),
            ("other notin (db)", true),
            ("other in (db)", false),
            ("n>4", true),
            ("n<4", false),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().selects(labels), expected, "{text}");
        }
        assert_eq!(
            LabelSelector::parse("a b c").unwrap_err(),
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
        );
    }
}
