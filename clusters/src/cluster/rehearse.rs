//! The writes of a cluster that only rehearses: dry runs, and what follows from them.

use bytes::Bytes;
use serde_json::Value;
use syncer_core::{difference, identity::ResourceType, proof::Proof};

use super::{Apply, Call, Cluster, Deletion, Preconditions, Write, call::Reply, spot::Spot};
use crate::{
    Cause, Error, FieldsV1Kept, Next, Object, Verb,
    rehearsal::{Act, Place, Rehearsal, Rehearsed, Source},
};

/// How an object stands before a write.
enum Scene {
    /// Nothing was tried on it yet: this is what the server has.
    Untouched(Option<Value>),
    /// Something was.
    Touched(Rehearsed),
}

// === impl Cluster ===

impl Cluster {
    /// Takes what was tried on an object since it was taken last; none if nothing was, or if this cluster writes in earnest.
    pub fn take_rehearsed(&self, resource: &ResourceType, namespace: &str, name: &str) -> Option<Rehearsed> {
        let spot = Spot::of(resource, namespace, name);
        self.shared().rehearsal.as_ref()?.take(&self.place(spot))
    }

    /// Where writes go that are only tried; none where they are done.
    pub(super) fn rehearsal(&self) -> Option<&Rehearsal> {
        self.shared().rehearsal.as_ref()
    }

    /// Two clusters of one rehearsal are two, whatever their addresses; and one cluster is another for each who tries on it apart.
    fn whereabouts(&self) -> String {
        let who = self.rehearses_for.as_deref().unwrap_or_default();
        format!("{} {} {who}", self.name(), self.url())
    }

    fn place(&self, spot: Spot<'_>) -> Place {
        Place::new(self.whereabouts(), spot.resource, spot.namespace, spot.name)
    }

    /// What a read answers: the object as it was "written".
    pub(super) fn rehearsed(
        &self,
        call: &Call,
        spot: Spot<'_>,
        fields: &FieldsV1Kept,
    ) -> Option<Result<Option<Object>, Error>> {
        let rehearsed = self.rehearsal()?.staged(&self.place(spot))?;
        let object = rehearsed.after.map(|tree| self.object_of(call, spot, &tree, fields));
        Some(object.transpose())
    }

    pub(super) async fn rehearse_apply(
        &self,
        rehearsal: &Rehearsal,
        spot: Spot<'_>,
        body: Bytes,
        options: &Apply,
    ) -> Result<Object, Error> {
        let call = call_about(Verb::Apply, spot);
        let desired: Value = serde_json::from_slice(&body)
            .map_err(|error| self.error(&call, Cause::decode("the body of an apply", &error)))?;
        let scene = self.scene(rehearsal, spot).await?;
        let dry = Apply {
            dry_run: true,
            ..options.clone().keeping(FieldsV1Kept::All)
        };
        let computed = |before: Option<&Value>| difference::applied(before, &desired, &options.field_manager);
        let (mut rehearsed, after) = match scene {
            Scene::Touched(rehearsed) => {
                let after = computed(rehearsed.after.as_ref());
                self.judged(&call, spot, rehearsed, after, &options.field_manager)
                    .await?
            }
            Scene::Untouched(before) => {
                match self.send_apply(spot, body, &dry).await {
                    Ok(object) => (untouched(before, Source::Server), self.tree_of(&call, &object)?),
                    // The namespace is "there", though the server does not know.
                    Err(error)
                        if error.next() == Next::NamespaceMissing
                            && rehearsal.made_namespace(&self.whereabouts(), spot.namespace) =>
                    {
                        let after = computed(None);
                        (untouched(before, Source::Computed), after)
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let object = self.object_of(&call, spot, &after, &options.managed_fields)?;
        rehearsed.acts.push(Act::Apply);
        rehearsed.after = Some(after);
        rehearsal.keep(self.place(spot), rehearsed);
        Ok(object)
    }

    /// `after`, which was computed, as the API server would have it: with its defaults, or refused. Of an object that is made only on this
    /// stage it knows nothing.
    async fn judged(
        &self,
        call: &Call,
        spot: Spot<'_>,
        rehearsed: Rehearsed,
        mut after: Value,
        field_manager: &str,
    ) -> Result<(Rehearsed, Value), Error> {
        let Some(live) = rehearsed
            .before
            .as_ref()
            .filter(|_| !rehearsed.acts.contains(&Act::Delete))
        else {
            let source = Source::Computed;
            return Ok((Rehearsed { source, ..rehearsed }, after));
        };
        let write = Write {
            dry_run: true,
            managed_fields: FieldsV1Kept::None,
            ..Write::by(field_manager.to_owned())
        };
        let operations = difference::operations(live, &after).to_string();
        let answer = self.send_patch_json(spot, operations.into(), &write).await?;
        let fields = after.pointer_mut("/metadata/managedFields").map(Value::take);
        after = self.tree_of(call, &answer)?;
        if let (Some(metadata), Some(fields)) = (after.get_mut("metadata").and_then(Value::as_object_mut), fields) {
            metadata.insert("managedFields".to_owned(), fields);
        }
        let source = Source::Server;
        Ok((Rehearsed { source, ..rehearsed }, after))
    }

    /// A JSON Patch.
    pub(super) async fn rehearse_patch(
        &self,
        rehearsal: &Rehearsal,
        spot: Spot<'_>,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let call = call_about(Verb::Patch, spot);
        let (mut rehearsed, after) = match self.scene(rehearsal, spot).await? {
            Scene::Untouched(before) => {
                let dry = Write {
                    dry_run: true,
                    managed_fields: FieldsV1Kept::All,
                    ..options.clone()
                };
                let object = self.send_patch_json(spot, body, &dry).await?;
                (untouched(before, Source::Server), self.tree_of(&call, &object)?)
            }
            Scene::Touched(rehearsed) => {
                let failed = |cause: String| self.error(&call, Cause::Request(cause.into()));
                let operations: Value = serde_json::from_slice(&body)
                    .map_err(|error| self.error(&call, Cause::decode("the body of a patch", &error)))?;
                let live = rehearsed
                    .after
                    .as_ref()
                    .ok_or_else(|| failed("it would be gone".to_owned()))?;
                let after = difference::patched(live, &operations).map_err(failed)?;
                self.judged(&call, spot, rehearsed, after, &options.field_manager)
                    .await?
            }
        };
        let object = self.object_of(&call, spot, &after, &options.managed_fields)?;
        rehearsed.acts.push(Act::Patch);
        rehearsed.after = Some(after);
        rehearsal.keep(self.place(spot), rehearsed);
        Ok(object)
    }

    pub(super) async fn rehearse_delete(
        &self,
        rehearsal: &Rehearsal,
        spot: Spot<'_>,
        preconditions: &Preconditions,
        proof: &Proof,
    ) -> Result<Deletion, Error> {
        let mut rehearsed = match self.scene(rehearsal, spot).await? {
            Scene::Untouched(before) => {
                self.send_delete(spot, preconditions, proof).await?;
                untouched(before, Source::Server)
            }
            Scene::Touched(rehearsed) => rehearsed,
        };
        rehearsed.acts.push(Act::Delete);
        rehearsed.after = None;
        rehearsal.keep(self.place(spot), rehearsed);
        Ok(Deletion::Gone)
    }

    async fn scene(&self, rehearsal: &Rehearsal, spot: Spot<'_>) -> Result<Scene, Error> {
        if let Some(rehearsed) = rehearsal.staged(&self.place(spot)) {
            return Ok(Scene::Touched(rehearsed));
        }
        let live = self
            .get(spot.resource, spot.namespace, spot.name, FieldsV1Kept::All)
            .await;
        let call = call_about(Verb::Get, spot);
        match live {
            Ok(live) => {
                let tree = live.map(|live| self.tree_of(&call, &live)).transpose()?;
                Ok(Scene::Untouched(tree))
            }
            // What a namespace that is not there holds is nothing.
            Err(error) if error.next() == Next::NamespaceMissing => Ok(Scene::Untouched(None)),
            Err(error) => Err(error),
        }
    }

    fn tree_of(&self, call: &Call, object: &Object) -> Result<Value, Error> {
        object
            .to_value()
            .map_err(|error| self.error(call, Cause::decode("the object", &error)))
    }

    fn object_of(&self, call: &Call, spot: Spot<'_>, tree: &Value, fields: &FieldsV1Kept) -> Result<Object, Error> {
        let reply = Reply {
            body: Bytes::from(tree.to_string()),
            warnings: Vec::new(),
        };
        self.decode(call, spot.resource, fields.clone(), reply)
    }
}

fn untouched(before: Option<Value>, source: Source) -> Rehearsed {
    Rehearsed {
        before,
        after: None,
        acts: Vec::new(),
        source,
    }
}

/// What an error about what was computed names.
fn call_about(verb: Verb, spot: Spot<'_>) -> Call {
    Call::get(spot.subject(verb), spot.path())
}

#[cfg(test)]
mod tests;
