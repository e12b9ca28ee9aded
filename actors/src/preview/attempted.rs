//! What came of an attempt, as a finding.

use std::sync::Arc;

use syncer_clusters::{Cluster, Rehearsed, Source};
use syncer_core::{ObjectKey, ResourceType, event_reason::EventReason, hash_key::HashKey, plan::Step};

use super::{
    Content, Finding, Preview, Verdict,
    book::{Patience, Side},
};
use crate::reconciler::{Attempt, AttemptFailure, Downstream, End, Retry};

/// The object that an attempt was made at.
struct Where<'a> {
    target: &'a Arc<str>,
    key: &'a ObjectKey,
    resource: &'a ResourceType,
    policy: &'a Arc<str>,
}

/// Namespace and name, on the side that a finding is about.
type Place = (Arc<str>, Arc<str>);

// === impl Preview ===

impl Preview {
    /// What came of `attempt` at `step` for `key`.
    pub(crate) fn attempted(
        &self,
        (downstream, key, resource): (&Downstream, &ObjectKey, &ResourceType),
        (step, policy): (&Step, &Arc<str>),
        attempt: &Attempt,
    ) {
        let (namespace, name) = downstream.place(key);
        let here = Where {
            target: &downstream.name,
            key,
            resource,
            policy,
        };
        let tried = downstream.cluster.take_rehearsed(resource, &namespace, &name);
        let upstream: Cluster = downstream.upstream.logical(&key.cluster);
        let written_back = upstream.take_rehearsed(resource, &key.namespace, &key.name);
        let hash_key = downstream.bodies.hash_key();
        let mut book = self.0.book.lock();
        book.note();
        let failure = match &attempt.end {
            End::Failed(failure) => Some(failure),
            _ => None,
        };
        match failure {
            Some(failure) if failure.retry != Retry::Rarely => {
                if book.may_pass(&downstream.name, key) == Patience::Lasts {
                    return;
                }
            }
            Some(_) | None => book.passed(&downstream.name, key),
        }
        if let Some(failure) = failure {
            let mut finding = here.failed((namespace, name), failure);
            if let Some(tried) = tried {
                (finding.before, finding.after) = here.contents(finding.verdict, &tried, hash_key);
                (finding.source, finding.writes) = (tried.source, true);
            }
            book.put(Side::Downstream, finding);
            return;
        }
        match tried {
            Some(tried) => {
                let finding = here.tried((namespace, name), step, &tried, hash_key);
                book.put(Side::Downstream, finding);
            }
            None => book.mended(&downstream.name, key),
        }
        if let Some(written_back) = written_back {
            let place = (key.namespace.clone(), key.name.clone());
            let mut finding = here.tried(place, step, &written_back, hash_key);
            finding.verdict = Verdict::WriteBack;
            book.put(Side::Upstream, finding);
        }
    }
}

// === impl Where ===

impl Where<'_> {
    fn finding(&self, (namespace, name): Place, verdict: Verdict) -> Finding {
        Finding {
            target: Some(self.target.clone()),
            key: self.key.clone(),
            kind: self.resource.kind.clone(),
            namespace,
            name,
            policy: self.policy.clone(),
            verdict,
            writes: verdict.is_written(),
            before: Content::Absent,
            after: Content::Absent,
            source: Source::Server,
            note: "".into(),
        }
    }

    fn contents(&self, verdict: Verdict, tried: &Rehearsed, hash_key: &HashKey) -> (Content, Content) {
        let gvr = &self.resource.gvr;
        let after = match verdict {
            Verdict::Create | Verdict::Recreate => Content::made(gvr, tried.after.as_ref(), hash_key),
            _ => Content::of(gvr, tried.after.as_ref(), hash_key),
        };
        (Content::of(gvr, tried.before.as_ref(), hash_key), after)
    }

    fn tried(&self, place: Place, step: &Step, tried: &Rehearsed, hash_key: &HashKey) -> Finding {
        let verdict = Verdict::of(step, tried);
        let (before, after) = self.contents(verdict, tried, hash_key);
        Finding {
            before,
            after,
            source: tried.source,
            ..self.finding(place, verdict)
        }
    }

    fn failed(&self, place: Place, failure: &AttemptFailure) -> Finding {
        let verdict = match failure.reason {
            EventReason::SyncFailed | EventReason::TargetUnreachable => Verdict::Failed,
            reason => Verdict::Refused(reason),
        };
        Finding {
            note: (&*failure.message).into(),
            ..self.finding(place, verdict)
        }
    }
}
