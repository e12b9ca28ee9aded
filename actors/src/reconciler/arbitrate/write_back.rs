//! Leaves of the target go upstream.

use serde_json::Value;
use syncer_clusters::{FieldsV1Kept, Next, Write};
use syncer_core::{
    conflict::{Decision, write_back_patch},
    event_reason::EventReason,
    marker::FIELD_MANAGER,
};

use super::{Round, view::View};
use crate::{
    metrics::{WriteResult, WriteSide, WriteVerb},
    reconciler::{Attempt, AttemptFailure, Retry, work::Work},
    target::After,
    upstream::Writer,
};

impl Work<'_> {
    /// Writes leaves of the target upstream, over the version that they were compared with (S4, S6).
    pub(super) async fn write_back(&self, view: &View, decision: &Decision) -> Result<Round, AttemptFailure> {
        let ops = write_back_patch(&view.upstream, &decision.write_back, &self.downstream.name);
        if ops.is_empty() {
            return Ok(Round::over(Attempt::done(After::Unchanged)));
        }
        let body = serde_json::to_vec(&ops).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let over = view
            .upstream
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let pass = self.downstream.gate.pass(self.key, Writer::WriteBack).await;
        let Ok(mut pass) = pass else {
            return Ok(Round::Overtaken);
        };
        let write = Write {
            managed_fields: FieldsV1Kept::None,
            ..Write::by(FIELD_MANAGER)
        };
        let (cluster, key) = (self.upstream(), self.key);
        let answer = cluster
            .patch_json(self.resource, &key.namespace, &key.name, body.into(), &write)
            .await;
        let result = answer
            .as_ref()
            .err()
            .map_or(WriteResult::Ok, |error| error.next().into());
        self.downstream
            .metrics
            .wrote(WriteSide::Upstream, WriteVerb::Patch, result);
        match answer {
            Ok(object) => {
                pass.wrote(over, object.resource_version());
                for leaf in &decision.write_back {
                    self.log(&format_args!("wrote {} back upstream", leaf.path));
                }
                Ok(Round::over(Attempt::done(After::Unchanged)))
            }
            Err(error) => match error.next() {
                Next::LookAgain | Next::NotFound => Ok(Round::Overtaken),
                // The target keeps it; the owner is told.
                Next::Invalid | Next::Forbidden => {
                    let message = format!(
                        "{}: what {} has is not written back: {error}",
                        error.cluster(),
                        self.downstream.name
                    );
                    Err(AttemptFailure::new(message, Retry::Rarely).because(EventReason::Conflict))
                }
                _ => Err(error.into()),
            },
        }
    }
}
