//! What was found, in a form that stays.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::Value;
use syncer_actors::{
    Preview, Rulebook,
    preview::{Content, Finding, Standing, Verdict},
};
use syncer_clusters::Source;
use syncer_core::difference::{Names, unified};

use super::{DIFFERENT, INCOMPLETE, waiting::Ending};
use crate::printing::plain;

/// What was found, all in all.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Each target, and how far it was looked at.
    pub(super) targets: Vec<TargetRow>,
    /// What each would get, or does not get.
    pub(super) differences: Vec<Difference>,
    /// What could not be found out.
    pub(super) failures: Vec<Failure>,
    /// How many differences there are, by verdict.
    pub(super) summary: BTreeMap<&'static str, usize>,
}

/// One target.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetRow {
    pub(super) name: String,
    /// `compared`, `unreachable` or `unfinished`.
    pub(super) state: &'static str,
    /// Resources of policies that it does not serve: nothing of them goes there.
    pub(super) unserved: Vec<String>,
}

/// One object that differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference {
    /// The target; none for what concerns the upstream object, on whichever target.
    pub(super) target: Option<String>,
    /// What a run would do.
    pub(super) verdict: &'static str,
    /// Whether a run would write something.
    pub(super) written: bool,
    /// Why it is refused, where it is.
    pub(super) reason: Option<&'static str>,
    pub(super) policy: String,
    /// As kubectl takes it.
    pub(super) resource: String,
    pub(super) kind: String,
    /// The namespace on the target, or upstream for what would be written there.
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) upstream: UpstreamObject,
    /// `server`: the API server said so, with its defaults. `computed`: what follows a write that was only tried.
    pub(super) source: &'static str,
    pub(super) note: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// The unified difference; empty where nothing that is shown differs.
    pub(super) diff: String,
}

/// The upstream object that it is about.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct UpstreamObject {
    pub(super) cluster: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What could not be found out.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// The target; none for the upstream, or for all.
    pub(super) target: Option<String>,
    pub(super) message: String,
}

// === impl Report ===

impl Report {
    pub(super) fn of(preview: &Preview, rulebook: &Rulebook, findings: Vec<Finding>, ending: &Ending) -> Self {
        let mut report = Self {
            targets: Vec::new(),
            differences: Vec::new(),
            failures: Vec::new(),
            summary: BTreeMap::new(),
        };
        if let Ending::Short(causes) = ending {
            for cause in causes {
                report.failed(None, cause);
            }
        }
        for policy in &rulebook.unreadable.policies {
            report.failed(
                None,
                &format!("policy {policy} cannot be used: what it brought somewhere stays"),
            );
        }
        if rulebook.unreadable.others {
            report.failed(
                None,
                "the SyncPolicies of the upstream cannot be read: there may be others",
            );
        }
        for target in &rulebook.unreadable.targets {
            report.failed(Some(target), "its SyncTarget cannot be used");
        }
        for name in rulebook.targets.keys() {
            let standing = match ending {
                Ending::Found(standings) => standings.get(name).cloned(),
                Ending::Short(_) => preview.standing(name),
            };
            report.target(name, standing);
        }
        for finding in findings {
            if finding.verdict == Verdict::Failed {
                report.failed(finding.target.as_deref(), &finding.note);
            } else {
                *report.summary.entry(finding.verdict.as_str()).or_default() += 1;
                report.differences.push(Difference::of(finding));
            }
        }
        report
    }

    /// The code to exit with.
    pub(super) fn code(&self) -> u8 {
        match (self.failures.is_empty(), self.differences.is_empty()) {
            (false, _) => INCOMPLETE,
            (true, false) => DIFFERENT,
            (true, true) => 0,
        }
    }

    /// Says what went wrong, one line each.
    pub(super) fn complain(&self, err: &mut impl Write) -> io::Result<()> {
        for target in &self.targets {
            for resource in &target.unserved {
                let name = &target.name;
                writeln!(
                    err,
                    "warning: target {name}: it does not serve {resource}: nothing of it goes there"
                )?;
            }
        }
        for failure in &self.failures {
            writeln!(err, "error: {}", plain(&failure.message))?;
        }
        Ok(())
    }

    fn target(&mut self, name: &str, standing: Option<Standing>) {
        let (state, unserved) = match standing {
            Some(Standing::Settled { unserved, withheld, .. }) => {
                for resource in withheld {
                    self.failed(Some(name), &format!("{resource} may not be listed there"));
                }
                ("compared", unserved.into_iter().map(String::from).collect())
            }
            Some(Standing::Unreachable(cause)) => {
                self.failed(Some(name), &cause);
                ("unreachable", Vec::new())
            }
            Some(Standing::Moving(awaited)) => {
                self.failed(
                    Some(name),
                    &format!("not compared to the end: still awaited: {awaited}"),
                );
                ("unfinished", Vec::new())
            }
            None => {
                self.failed(Some(name), "not compared: the upstream could not be read");
                ("unfinished", Vec::new())
            }
        };
        self.targets.push(TargetRow {
            name: name.to_owned(),
            state,
            unserved,
        });
    }

    /// Errors of a client name their cluster themselves.
    fn failed(&mut self, target: Option<&str>, message: &str) {
        let message = match target {
            Some(name) if !message.starts_with(&format!("target {name}:")) => format!("target {name}: {message}"),
            _ => message.to_owned(),
        };
        self.failures.push(Failure {
            target: target.map(ToOwned::to_owned),
            message,
        });
    }
}

// === impl Difference ===

impl Difference {
    fn of(finding: Finding) -> Self {
        let mut note = String::from(finding.note);
        if finding.before == Content::LeftOut || finding.after == Content::LeftOut {
            "too much differs to show it all: ask for fewer targets or objects at once".clone_into(&mut note);
        }
        let (before, after) = (tree(&finding.before), tree(&finding.after));
        let side = finding
            .target
            .as_deref()
            .filter(|_| finding.verdict != Verdict::WriteBack);
        let path = format!(
            "{}/{}/{}{}",
            side.unwrap_or("upstream"),
            finding.key.gvr,
            if finding.namespace.is_empty() {
                String::new()
            } else {
                format!("{}/", finding.namespace)
            },
            finding.name
        );
        let names = Names {
            before: &format!("live/{path}"),
            after: &format!("synced/{path}"),
        };
        let diff = match finding.verdict {
            Verdict::Paused | Verdict::KeptOut | Verdict::Terminating => String::new(),
            _ => unified(&lines(before.as_ref()), &lines(after.as_ref()), names),
        };
        Self {
            target: finding.target.as_deref().map(ToOwned::to_owned),
            verdict: finding.verdict.as_str(),
            written: finding.writes,
            reason: match finding.verdict {
                Verdict::Refused(reason) => Some(reason.as_str()),
                _ => None,
            },
            policy: finding.policy.to_string(),
            resource: finding.key.gvr.to_string(),
            kind: finding.kind.to_string(),
            namespace: finding.namespace.to_string(),
            name: finding.name.to_string(),
            upstream: UpstreamObject {
                cluster: finding.key.cluster.as_str().to_owned(),
                namespace: finding.key.namespace.to_string(),
                name: finding.key.name.to_string(),
            },
            source: match finding.source {
                Source::Server => "server",
                Source::Computed => "computed",
            },
            note,
            before,
            after,
            diff,
        }
    }
}

fn tree(content: &Content) -> Option<Value> {
    match content {
        Content::Present(text) => serde_json::from_str(text).ok(),
        Content::Absent | Content::LeftOut => None,
    }
}

/// The lines of an object; none of nothing.
fn lines(object: Option<&Value>) -> String {
    let text = object.map(|object| serde_saphyr::to_string(object).unwrap_or_else(|_| object.to_string()));
    text.unwrap_or_default()
}
