//! What a custom resource's definition says about objects that are not there: it takes them all along when it goes (S3).

use std::time::Duration;

use syncer_clusters::{Error, FieldsV1Kept, Next};
use syncer_core::{
    built_in,
    proof::{Absence, Look},
};

use super::{AttemptFailure, Retry, work::Work};

/// Where the definition cannot be read, the object is asked for again after this time: by then its resource is not served any more, if
/// that is what goes.
const SECOND_LOOK: Duration = Duration::from_secs(2);

impl Work<'_> {
    /// What it says that the upstream has no such object. Whoever deletes the definition of a custom resource upstream deletes its objects
    /// without having named them: the watch tells each as deleted.
    pub(super) async fn look_at_nothing(&self, absence: Absence) -> Result<Look, AttemptFailure> {
        let gvr = &self.resource.gvr;
        let by_name = matches!(absence, Absence::Drained | Absence::Refused);
        if by_name || gvr.is_built_in() || !self.key.cluster.as_str().is_empty() {
            return Ok(Look::NotFound);
        }
        let upstream = &self.downstream.upstream;
        let name = format!("{}.{}", gvr.resource(), gvr.group());
        match upstream
            .get(&built_in::custom_resource_definitions(), "", &name, FieldsV1Kept::None)
            .await
        {
            Ok(Some(definition)) if definition.deletion_timestamp().is_some() => Err(self.kind_goes()),
            Ok(Some(_)) => Ok(Look::NotFound),
            // It is gone, or there is none (an aggregated API), or it may not be read.
            Ok(None) | Err(_) => {
                tokio::time::sleep(SECOND_LOOK).await;
                let again = upstream
                    .get(self.resource, &self.key.namespace, &self.key.name, FieldsV1Kept::None)
                    .await;
                self.second_look(again.map(|object| object.is_some()))
            }
        }
    }

    fn second_look(&self, there: Result<bool, Error>) -> Result<Look, AttemptFailure> {
        match there {
            Ok(false) => Ok(Look::NotFound),
            Ok(true) => Ok(Look::Wanted),
            Err(error) if error.next() == Next::Unserved => Err(self.kind_goes()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn kind_goes(&self) -> AttemptFailure {
        let message = format!(
            "{}: {} is not served any more, or about not to be: what was deleted with it is kept on target {}",
            self.downstream.upstream.name(),
            self.resource.gvr,
            self.downstream.name
        );
        AttemptFailure::new(message, Retry::Rarely).doubting()
    }
}
