//! The first apply, and what is done where something has the name already.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::{Apply, FieldsV1Kept, Next, Object};
use syncer_core::{
    body::Expects,
    config::{Adoption, NamespaceMapping},
    event_reason::EventReason,
    marker::{
        APPLIED_ANNOTATION, CLUSTER_LABEL, FIELD_MANAGER, NAMESPACE_LOCATOR_ANNOTATION, ORIGIN_ANNOTATION, Origin,
    },
    placement::lacked,
};
use tracing::warn;

use super::{
    Attempt, AttemptFailure, Retry,
    work::{Work, parse, tree_of},
};
use crate::{
    metrics::DriftAction,
    prescription::{Body, names_namespace},
    target::{After, Loss, Seen},
    target_report::{Novelty, sentence},
};

impl Work<'_> {
    /// The first apply: creates what is absent; where anything is, what it is decides.
    pub(super) async fn create(&self) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        // What is given up to the target begins with the upstream's value.
        let beginning = body.beginning.as_ref().unwrap_or(&body.payload);
        let bytes = self.apply_body(&body, beginning, Expects::Absent)?;
        match self.apply_known(bytes.clone()).await {
            Ok(object) => {
                if self.task.loss == Loss::Seen {
                    let metrics = &self.downstream.metrics;
                    metrics.drifted(&self.downstream.name, DriftAction::Recreated);
                }
                self.settled(&object, &bytes, "created").await
            }
            Err(error) if error.next() == Next::LookAgain => self.take_over(&body).await,
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Something has the name. An object of ours was only out of sight (without our label, say): it is changed.
    async fn take_over(&self, body: &Body) -> Result<Attempt, AttemptFailure> {
        let Some(found) = self.read().await? else {
            // It went between the two requests: that is planned again at once.
            return Ok(Attempt::done(After::Absent));
        };
        match self.seen(&found) {
            Some(_) if let Some(other) = self.other_target(&found) => {
                Ok(Attempt::blocked(After::Foreign, self.lead_to_one_cluster(&other)))
            }
            Some(seen) => self.take_back(body, &seen).await,
            None => self.meet(body, &found).await,
        }
    }

    /// The other target of ours that keeps `found`, if there is one: taken from each other it would be written without end.
    fn other_target(&self, found: &Object) -> Option<Arc<str>> {
        let label = found.labels().get(CLUSTER_LABEL)?;
        let rulebook = self.downstream.rulebooks.borrow().clone();
        let mut others = rulebook.targets.keys().filter(|name| **name != self.downstream.name);
        others
            .find(|name| rulebook.key_of(name, &self.downstream.upstream_id) == label)
            .cloned()
    }

    fn lead_to_one_cluster(&self, other: &str) -> AttemptFailure {
        let message = format!(
            "target {}: {} is kept there by target {other}, which leads to the same cluster: take one of them off the list, or map the \
             namespaces of one by hash",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely).because(EventReason::NameTaken)
    }

    async fn take_back(&self, body: &Body, seen: &Seen) -> Result<Attempt, AttemptFailure> {
        self.hand_over(&seen.ours.uid, body).await?;
        let bytes = self.apply_body(body, &body.payload, Expects::Uid(&seen.ours.uid))?;
        let object = self.apply_over(&seen.ours.uid, &bytes).await?;
        self.settled(&object, &bytes, "taken into sight again").await
    }

    /// Somebody else's object has the name (S1).
    async fn meet(&self, body: &Body, found: &Object) -> Result<Attempt, AttemptFailure> {
        if names_namespace(self.key) && self.downstream.names.mapping() == NamespaceMapping::Identity {
            // It is used as it is: never marked, labelled or removed.
            self.say_what_it_lacks(body, found)?;
            return Ok(Attempt::done(After::Foreign));
        }
        if self.is_of_another_object_of_ours(found) {
            return Ok(Attempt::blocked(After::Foreign, self.name_taken()));
        }
        let adopted = match self.prescription()?.spec().conflict.adoption {
            Adoption::Never => false,
            Adoption::IfEqual => self.would_change_nothing(body, found).await?,
            Adoption::Always => true,
        };
        if !adopted || found.deletion_timestamp().is_some() {
            return Ok(Attempt::blocked(After::Foreign, self.adoption_refused()));
        }
        let bytes = self.apply_body(body, &body.payload, Expects::Uid(found.uid()))?;
        let object = self.apply_over(found.uid(), &bytes).await?;
        self.settled(&object, &bytes, "adopted").await
    }

    /// Somebody may rely on labels that `found`, a namespace that is not ours, does not get, such as those of Pod Security.
    fn say_what_it_lacks(&self, body: &Body, found: &Object) -> Result<(), AttemptFailure> {
        let wanted = self.apply_body(body, &body.payload, Expects::Absent)?;
        let Some(what) = lacked(&parse(&wanted)?, &tree_of(found)?) else {
            return Ok(());
        };
        let (target, name) = (&self.downstream.name, &found.key().name);
        if self.downstream.reports.namespace_lacks(target, name, &what) == Novelty::New {
            warn!(target = %target, "{}", sentence(name, &what));
        }
        Ok(())
    }

    /// Applies over the object with `uid`, of which others own what they made: the arms of unions that they chose would be
    /// refused beside ours.
    async fn apply_over(&self, uid: &str, bytes: &Bytes) -> Result<Object, AttemptFailure> {
        let error = match self.apply_known(bytes.clone()).await {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let applied = match error.next() {
            Next::Invalid => self.after_other_arms(uid, bytes, &error).await?,
            _ => None,
        };
        applied.ok_or_else(|| self.refused(&error))
    }

    /// Whether `found` was made from another object of the same upstream.
    fn is_of_another_object_of_ours(&self, found: &Object) -> bool {
        let origin = found.annotations().get(ORIGIN_ANNOTATION).and_then(Origin::parse);
        origin.is_some_and(|origin| {
            origin.upstream == *self.downstream.upstream_id
                && origin.claims(&self.downstream.upstream_id, found.key()).is_some()
        })
    }

    /// Whether an apply would leave `found` as it is, our markers apart; the API server is asked, which knows its defaults.
    pub(super) async fn would_change_nothing(&self, body: &Body, found: &Object) -> Result<bool, AttemptFailure> {
        if self.is_as_wanted(body, found)? {
            return Ok(true);
        }
        let expects = Expects::Version {
            uid: found.uid(),
            resource_version: found.resource_version(),
        };
        let bytes = self.apply_body(body, &body.payload, expects)?;
        let apply = Apply {
            dry_run: true,
            ..Apply::forced(FIELD_MANAGER).keeping(FieldsV1Kept::None)
        };
        match self.apply_as(&apply, bytes).await {
            Ok(answer) => Ok(content(tree_of(&answer)?) == content(tree_of(found)?)),
            Err(error) if error.next() == Next::Invalid => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `found` says word by word what is wanted: that needs no request. (Secrets and ConfigMaps usually do.)
    fn is_as_wanted(&self, body: &Body, found: &Object) -> Result<bool, AttemptFailure> {
        let desired = content(parse(&self.apply_body(body, &body.payload, Expects::Absent)?)?);
        let live = content(tree_of(found)?);
        let pairs =
            |tree: &Value| ["/metadata/labels", "/metadata/annotations"].map(|pointer| tree.pointer(pointer).cloned());
        let members = |tree: &Value| {
            let mut members = tree.as_object().cloned().unwrap_or_default();
            members.remove("metadata");
            members
        };
        Ok(pairs(&desired) == pairs(&live) && members(&desired) == members(&live))
    }

    fn name_taken(&self) -> AttemptFailure {
        let message = format!(
            "target {}: {} would have the name of another upstream object that is synced there already: rename one of them, or map \
             the target's namespaces by hash",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely).because(EventReason::NameTaken)
    }

    fn adoption_refused(&self) -> AttemptFailure {
        if names_namespace(self.key) {
            return self.name_taken();
        }
        let message = format!(
            "target {}: {} exists and is not ours: it is left alone; remove or rename it there, exclude it upstream, or let the policy \
             adopt it",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely).because(EventReason::AdoptionRefused)
    }
}

/// An object without what every write moves, and without our markers and the status.
fn content(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return object;
    };
    for moved in ["managedFields", "resourceVersion", "generation"] {
        metadata.remove(moved);
    }
    let markers = [
        ("labels", &[CLUSTER_LABEL][..]),
        (
            "annotations",
            &[APPLIED_ANNOTATION, ORIGIN_ANNOTATION, NAMESPACE_LOCATOR_ANNOTATION][..],
        ),
    ];
    for (member, keys) in markers {
        let Some(pairs) = metadata.get_mut(member).and_then(Value::as_object_mut) else {
            continue;
        };
        for key in keys {
            pairs.remove(*key);
        }
        if pairs.is_empty() {
            metadata.remove(member);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markers_status_and_versions_are_no_content() {
        let bare = json!({"metadata": {"name": "x", "uid": "u"}, "data": {"k": "v"}});
        let marked = json!({
            "metadata": {
                "name": "x", "uid": "u", "resourceVersion": "7", "generation": 2, "managedFields": [{}],
                "labels": {CLUSTER_LABEL: "k"}, "annotations": {ORIGIN_ANNOTATION: "{}", APPLIED_ANNOTATION: "{}"},
            },
            "data": {"k": "v"},
            "status": {"a": 1},
        });
        assert_eq!(content(marked.clone()), content(bare));
        let mut edited = marked.clone();
        edited["data"]["k"] = json!("w");
        assert_ne!(content(marked), content(edited));
    }
}
