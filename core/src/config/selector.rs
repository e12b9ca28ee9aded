//! Which names and labels are meant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names, labels, or both; empty selects all, names and labels together must both match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// The names that are meant; empty for any.
    pub names: Vec<String>,
    /// The labels that are asked for.
    pub selector: LabelSelector,
}

/// A label selector of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have these values.
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions; all must hold.
    pub match_expressions: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is asked of it.
    pub operator: SelectorOperator,
    /// The values of `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// What a condition asks of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectorOperator {
    /// It has one of the values.
    In,
    /// It has none of the values, or is absent.
    NotIn,
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
}

// === impl Selection ===

impl Selection {
    /// Whether an object of this name with these labels is meant.
    pub fn matches<'a>(&self, name: &str, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        (self.names.is_empty() || self.names.iter().any(|listed| listed == name)) && self.selector.matches(label)
    }
}

// === impl LabelSelector ===

impl LabelSelector {
    /// Whether labels that `label` looks up fulfil every condition.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        let equal = self.match_labels.iter().all(|(key, value)| label(key) == Some(value));
        equal
            && self.match_expressions.iter().all(|requirement| {
                let value = label(&requirement.key);
                let listed = value.is_some_and(|value| requirement.values.iter().any(|listed| listed == value));
                match requirement.operator {
                    SelectorOperator::In => listed,
                    SelectorOperator::NotIn => !listed,
                    SelectorOperator::Exists => value.is_some(),
                    SelectorOperator::DoesNotExist => value.is_none(),
                }
            })
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(operator: SelectorOperator, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_labels: BTreeMap::new(),
            match_expressions: vec![Requirement {
                key: "tier".into(),
                operator,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            }],
        }
    }

    #[test]
    fn every_operator_reads_as_in_kubernetes() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
        let cases = [
            (requirement(In, &["a", "b"]), Some("a"), true),
            (requirement(In, &["a"]), Some("c"), false),
            (requirement(In, &["a"]), None, false),
            (requirement(NotIn, &["a"]), Some("a"), false),
            (requirement(NotIn, &["a"]), Some("c"), true),
            (requirement(NotIn, &["a"]), None, true),
            (requirement(Exists, &[]), Some(""), true),
            (requirement(Exists, &[]), None, false),
            (requirement(DoesNotExist, &[]), None, true),
            (requirement(DoesNotExist, &[]), Some(""), false),
            (LabelSelector::default(), None, true),
        ];
        for (selector, value, expected) in cases {
            let label = |key: &str| if key == "tier" { value } else { None };
            assert_eq!(selector.matches(label), expected, "{selector:?} {value:?}");
        }
    }

    #[test]
    fn names_and_labels_must_both_match() {
        let selection = Selection {
            names: vec!["east".into()],
            selector: LabelSelector {
                match_labels: [("region".to_owned(), "eu".to_owned())].into(),
                match_expressions: Vec::new(),
            },
        };
        let eu = |key: &str| (key == "region").then_some("eu");
        assert!(selection.matches("east", eu));
        assert!(!selection.matches("west", eu));
        assert!(!selection.matches("east", |_| None));
    }
}
