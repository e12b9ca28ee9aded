//! The query of a request.

use http::request::Parts;

use super::path::{Plus, percent_decoded};
use crate::error::{Cause, Refusal};

/// The parameters of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// What happens to fields that a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// They are dropped in silence.
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// The write is refused.
    Strict,
}

/// Whether a write is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// It is.
    Real,
    /// It is only answered.
    Dry,
}

/// Who asks for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client, by a request.
    Client,
    /// The server itself, by level: what is as it should be is not written.
    Server,
}

/// What all writes have in common.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// Who writes.
    pub(crate) manager: String,
    /// Whether the manager was named in the query.
    pub(crate) manager_is_given: bool,
    /// Whether the write is carried out.
    pub(crate) run: Run,
    /// What happens to unknown fields.
    pub(crate) validation: FieldValidation,
    /// The parameter `force`.
    pub(crate) force: Option<bool>,
    /// Who asks for the write.
    pub(crate) origin: Origin,
}

/// The longest name of a field manager.
const MAX_MANAGER: usize = 128;

// === impl Query ===

impl Query {
    /// Reads a query string.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let pairs = text
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (percent_decoded(name, Plus::Space), percent_decoded(value, Plus::Space))
            });
        Self(pairs.collect())
    }

    /// The value of `name`, if it is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, value)| found == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether `name` says yes; `None` if it is not there.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        Some(!matches!(value.as_str(), "false" | "0"))
    }
}

// === impl WriteOptions ===

impl WriteOptions {
    /// The options of the request `parts`, whose kind is `kind` (`CreateOptions`, ...).
    ///
    /// # Errors
    /// Options that make no sense.
    pub(crate) fn parse(parts: &Parts, query: &Query, kind: &str) -> Result<Self, Refusal> {
        let run = match query.get("dryRun") {
            None => Run::Real,
            Some("All") => Run::Dry,
            Some(other) => {
                let cause = Cause::unsupported("dryRun", &serde_json::json!([other]), &["All"]);
                return Err(Refusal::invalid_options(kind, vec![cause]));
            }
        };
        let validation = match query.get("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let cause = Cause::unsupported("fieldValidation", &other.into(), &["", "Ignore", "Strict", "Warn"]);
                return Err(Refusal::invalid_options(kind, vec![cause]));
            }
        };
        let given = query.get("fieldManager");
        if given.is_some_and(|manager| manager.chars().count() > MAX_MANAGER) {
            let message = format!("Too long: may not be more than {MAX_MANAGER} bytes");
            let cause = Cause {
                reason: "FieldValueTooLong",
                message,
                field: "fieldManager".to_owned(),
            };
            return Err(Refusal::invalid_options(kind, vec![cause]));
        }
        let agent = parts
            .headers
            .get(http::header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default();
        let manager = given.unwrap_or_else(|| agent.split('/').next().unwrap_or_default());
        let manager = if manager.is_empty() { "unknown" } else { manager };
        Ok(Self {
            manager: manager.chars().take(MAX_MANAGER).collect(),
            manager_is_given: given.is_some(),
            run,
            validation,
            force: query.flag("force"),
            origin: Origin::Client,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(agent: &str) -> Parts {
        http::Request::builder()
            .header("user-agent", agent)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    #[test]
    fn the_manager_is_the_given_one_or_the_head_of_the_user_agent() {
        let cases = [
            (Some("fieldManager=me"), "kubectl/v1", "me"),
            (None, "kubectl/v1.37 (linux)", "kubectl"),
            (None, "", "unknown"),
        ];
        for (query, agent, expected) in cases {
            let options = WriteOptions::parse(&parts(agent), &Query::parse(query), "UpdateOptions").unwrap();
            assert_eq!(options.manager, expected);
            assert_eq!(options.manager_is_given, query.is_some());
        }
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for query in [
            "dryRun=Some",
            "fieldValidation=x",
            &format!("fieldManager={}", "m".repeat(129)),
        ] {
            assert_eq!(
                WriteOptions::parse(&parts(""), &Query::parse(Some(query)), "CreateOptions")
                    .unwrap_err()
                    .code(),
                422
            );
        }
    }
}
