//! Namespaces that a target had before us: they are used as they are.

use std::{collections::BTreeMap, sync::Arc};

use super::TargetReports;

/// How many namespaces of a target are told of one by one; of the rest nothing is said (S10).
const MOST: usize = 256;

/// What these namespaces lack, and whether people were told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ForeignNamespaces(BTreeMap<Box<str>, Lack>);

#[derive(Clone, Debug, PartialEq)]
struct Lack {
    what: Box<str>,
    stage: Stage,
}

/// How far the word of a lack came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody has taken it up.
    Noted,
    /// It is in an Event.
    Told,
}

/// Whether something was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// It is said for the first time.
    New,
    /// It was said, or there is no room to remember that it was.
    Old,
}

// === impl TargetReports ===

impl TargetReports {
    /// The namespace `name` of `target` is somebody else's, and lacks `what` of what it was to have.
    pub(crate) fn namespace_lacks(&self, target: &Arc<str>, name: &str, what: &str) -> Novelty {
        let mut novelty = Novelty::Old;
        self.change(target, |report| {
            let namespaces = &mut report.foreign_namespaces.0;
            let known = namespaces.get(name);
            let is_known = known.is_some_and(|known| *known.what == *what);
            if is_known || known.is_none() && namespaces.len() >= MOST {
                return;
            }
            let (what, stage) = (what.into(), Stage::Noted);
            namespaces.insert(name.into(), Lack { what, stage });
            novelty = Novelty::New;
        });
        novelty
    }

    /// What to tell people of `target`'s namespaces that they were not told yet.
    pub(crate) fn untold_lacks(&self, target: &str) -> Option<String> {
        let mut report = self.0.targets.get_mut(target)?;
        let mut untold: Vec<_> = report.foreign_namespaces.0.iter_mut().collect();
        untold.retain(|(_, lack)| lack.stage == Stage::Noted);
        let count = untold.len();
        let mut first = None;
        for (name, lack) in untold {
            lack.stage = Stage::Told;
            first.get_or_insert_with(|| sentence(name, &lack.what));
        }
        let first = first?;
        Some(match count {
            1 => first,
            _ => format!("{first}; and so {} more", count - 1),
        })
    }
}

/// What people read of one.
pub(crate) fn sentence(name: &str, what: &str) -> String {
    format!(
        "namespace {name} was there before and is used as it is, without {what}: set what it needs there, or map the namespaces Hashed"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_is_told_once_and_another_one_again() {
        let reports = TargetReports::default();
        let east: Arc<str> = "east".into();
        assert_eq!(reports.untold_lacks("east"), None);
        assert_eq!(reports.namespace_lacks(&east, "shop", "label a"), Novelty::New);
        assert_eq!(reports.namespace_lacks(&east, "shop", "label a"), Novelty::Old);
        assert_eq!(reports.untold_lacks("east"), Some(sentence("shop", "label a")));
        assert_eq!(reports.untold_lacks("east"), None, "once");
        assert_eq!(reports.namespace_lacks(&east, "shop", "label b"), Novelty::New);
        assert_eq!(reports.namespace_lacks(&east, "web", "label a"), Novelty::New);
        let both = format!("{}; and so 1 more", sentence("shop", "label b"));
        assert_eq!(reports.untold_lacks("east"), Some(both));
    }

    #[test]
    fn there_is_a_limit() {
        let reports = TargetReports::default();
        let east: Arc<str> = "east".into();
        for number in 0..MOST {
            assert_eq!(
                reports.namespace_lacks(&east, &number.to_string(), "label a"),
                Novelty::New
            );
        }
        assert_eq!(reports.namespace_lacks(&east, "shop", "label a"), Novelty::Old);
        assert_eq!(
            reports.namespace_lacks(&east, "7", "label b"),
            Novelty::New,
            "known by name"
        );
    }
}
