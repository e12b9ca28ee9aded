//! What one round looks at: both sides as they are, the base between them, and what is decided from that.

use serde_json::Value;
use syncer_clusters::{Cluster, FieldsV1Kept, Object};
use syncer_core::{
    config::{FieldOwner, Strategy},
    conflict::{
        Base, Clocks, Decision, Memory, Resting, Rules, SideClock, Sides, Standing, base_of, base_of_taken, decide,
    },
    event_reason::EventReason,
    marker::{APPLIED_ANNOTATION, Applied},
    transform::Path,
};

use crate::{
    prescription::Body,
    reconciler::{
        AttemptFailure, Retry,
        work::{Work, tree_of},
    },
    target::Seen,
};

/// What one round looks at.
pub(super) struct View {
    pub(super) live: Object,
    pub(super) tree: Value,
    pub(super) seen: Seen,
    pub(super) desired: Value,
    pub(super) upstream: Value,
    /// What this very `upstream` decides, where it was read: the watch may be behind it.
    pub(super) newest: Option<Body>,
    /// The base as it stands with the object; empty if there is none that counts.
    pub(super) base: Box<str>,
}

impl Work<'_> {
    pub(super) async fn view(
        &self,
        body: &Body,
        live: Object,
        seen: Seen,
        strategy: Strategy,
    ) -> Result<Option<View>, AttemptFailure> {
        let (upstream, newest) = if strategy == Strategy::LastWriteWins {
            let (cluster, key) = (self.upstream(), self.key);
            let read = cluster
                .get(self.resource, &key.namespace, &key.name, FieldsV1Kept::All)
                .await?;
            // Its DELETED is on the way.
            let Some(object) = read.filter(|object| object.uid() == &*body.uid) else {
                return Ok(None);
            };
            (tree_of(&object)?, Some(self.newest(&object)?))
        } else {
            (Value::Null, None)
        };
        let tree = tree_of(&live)?;
        let desired = newest
            .as_ref()
            .unwrap_or(body)
            .payload
            .to_value()
            .map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let applied = live.annotations().get(APPLIED_ANNOTATION).and_then(Applied::parse);
        let base = applied.filter(|applied| *applied.key == *self.downstream.hash_key(self.resource));
        Ok(Some(View {
            base: base.map(|applied| applied.base).unwrap_or_default(),
            live,
            tree,
            seen,
            desired,
            upstream,
            newest,
        }))
    }

    /// What goes down of `object`, as it was read just now.
    fn newest(&self, object: &Object) -> Result<Body, AttemptFailure> {
        let rendered = self
            .downstream
            .bodies
            .render(object, self.resource, self.prescription()?);
        rendered.map_err(|error| {
            let message = format!(
                "{}: upstream object {}: {error}",
                self.downstream.upstream.name(),
                self.key
            );
            AttemptFailure::new(message, Retry::Rarely).because(EventReason::TransformFailed)
        })
    }

    pub(super) fn decision(
        &self,
        body: &Body,
        view: &View,
        strategy: Strategy,
    ) -> Result<(Decision, Resting), AttemptFailure> {
        let prescription = self.prescription()?;
        let gvr = &self.resource.gvr;
        let (schema, now) = (self.downstream.schemas.known(gvr), self.moment());
        let applied = view.seen.ours.applied == Some(body.payload.hash());
        // Where the policy asks for a base only now, both sides agree on what was applied, if that is what is desired still.
        let base = Base::decode(&view.base).or_else(|| {
            let base = applied.then(|| base_of(gvr, &schema, self.hasher(), None, &view.desired, now))?;
            // Nor can it be told then who took out what is missing, where the policy leaves out what a target does not know.
            let taken = self.drops_unknown().then(|| {
                let shape = (gvr, &*schema, self.hasher());
                base_of_taken(&base, shape, &view.desired, &view.tree)
            });
            Some(taken.flatten().unwrap_or(base))
        });
        let owned: Vec<(&Path, FieldOwner)> = prescription.policy.owned_fields(gvr).collect();
        let ignored = self.ignored_managers();
        let resting = self.resting();
        let rules = Rules {
            strategy,
            foreign: prescription.spec().conflict.foreign,
            ignored: &ignored,
            owned: &owned,
            produced: &prescription.produced,
            resting: &resting,
        };
        let sides = Sides {
            gvr,
            standing: if applied { Standing::Applied } else { Standing::Edited },
            schema: &schema,
            hasher: self.hasher(),
            base: base.as_ref(),
            desired: &view.desired,
            upstream: &view.upstream,
            live: &view.tree,
            target: &self.downstream.name,
        };
        let clocks = Clocks {
            now,
            upstream: clock_of(&self.downstream.upstream),
            downstream: clock_of(&self.downstream.cluster),
        };
        let Some(party) = self.party() else {
            return Ok((decide(&sides, &rules, clocks, &mut Memory::default()), resting));
        };
        let decision = self
            .downstream
            .arbiter
            .docket
            .decide(party, clocks, |memory| decide(&sides, &rules, clocks, memory));
        Ok((decision, resting))
    }

    pub(super) fn upstream(&self) -> Cluster {
        self.downstream.upstream.logical(&self.key.cluster)
    }
}

/// The clock of a server as far as its answers told; nothing known is no offset, and a second of doubt.
fn clock_of(cluster: &Cluster) -> SideClock {
    let Some(found) = cluster.clock_offset() else {
        return SideClock {
            offset: 0,
            uncertainty: 1000,
        };
    };
    SideClock {
        offset: i64::try_from(found.offset.as_millis()).unwrap_or_default(),
        uncertainty: i64::try_from(found.uncertainty.as_millis()).unwrap_or(i64::MAX),
    }
}
