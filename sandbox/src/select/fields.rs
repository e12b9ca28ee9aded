//! Field selectors.

/// Requirements that must all hold: path, value, and whether the field must have it or must not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<(String, String, bool)>);

// === impl FieldSelector ===

impl FieldSelector {
    /// Reads a selector such as `metadata.name=web,type!=Opaque`, of which only `known` paths are allowed.
    ///
    /// # Errors
    /// What could not be read.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (path, value, true)
            } else {
                return Err(format!("invalid selector: {text:?}; can't understand {part:?}"));
            };
            if !known.contains(&path) {
                let known: Vec<String> = known.iter().map(|path| format!("{path:?}")).collect();
                return Err(format!(
                    "{path:?} is not a known field selector: only {}",
                    known.join(", ")
                ));
            }
            requirements.push((path.to_owned(), value.to_owned(), equal));
        }
        Ok(Self(requirements))
    }

    /// Whether nothing is required.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the fields that `field` finds meet all requirements.
    pub(crate) fn selects(&self, mut field: impl FnMut(&str) -> String) -> bool {
        self.0
            .iter()
            .all(|(path, value, equal)| (field(path) == *value) == *equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_select_by_field() {
        let known = ["metadata.name", "type"];
        let field = |path: &str| {
            if path == "type" {
                "Opaque".to_owned()
            } else {
                "web".to_owned()
            }
        };
        for (text, expected) in [
            ("", true),
            ("metadata.name=web,type!=x", true),
            ("metadata.name==db", false),
            ("type!=Opaque", false),
        ] {
            assert_eq!(
                FieldSelector::parse(text, &known).unwrap().selects(field),
                expected,
                "{text}"
            );
        }
        assert_eq!(
            FieldSelector::parse("data.k=v", &known).unwrap_err(),
            "\"data.k\" is not a known field selector: only \"metadata.name\", \"type\""
        );
    }
}
