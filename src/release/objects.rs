//! SyncTargets that are objects of the upstream.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use syncer_clusters::{Cluster, Next, Object};
use syncer_core::config::{
    API_GROUP, SyncTarget,
    check::{self, Document, Origin},
    schema::SYNC_TARGET,
};

use crate::listing::{self, Unlisted};

/// How long the list of SyncTargets may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// The SyncTargets of an upstream.
#[derive(Default)]
pub(super) struct SyncTargets {
    /// Those that can be used, by name.
    pub(super) valid: BTreeMap<Arc<str>, Arc<SyncTarget>>,
    /// What is wrong with the others.
    pub(super) problems: Vec<String>,
}

/// The SyncTargets of `upstream`; none where it does not serve them or does not show them.
pub(super) async fn sync_targets(upstream: &Cluster) -> Result<SyncTargets, String> {
    let served = upstream.discover().await.map_err(|error| error.to_string())?;
    let Some(resource) = served.resource_type(API_GROUP, SYNC_TARGET.plural) else {
        return Ok(SyncTargets::default());
    };
    let objects = match listing::list(upstream, resource, PATIENCE).await {
        Ok(objects) => objects,
        Err(Unlisted::Unserved) => Vec::new(),
        Err(Unlisted::Failed(error)) if error.next() == Next::Forbidden => Vec::new(),
        Err(Unlisted::Failed(error)) => return Err(error.to_string()),
        Err(Unlisted::Late) => return Err("listing SyncTargets takes too long".to_owned()),
    };
    let mut targets = SyncTargets::default();
    for object in &objects {
        match parse(object) {
            Ok(target) => {
                targets.valid.insert(target.name.as_str().into(), target);
            }
            // One that is wrong holds up no other.
            Err(problem) => targets.problems.push(problem),
        }
    }
    Ok(targets)
}

fn parse(object: &Object) -> Result<Arc<SyncTarget>, String> {
    let name = &object.key().name;
    let tree = object
        .to_value()
        .map_err(|error| format!("SyncTarget {name}: {error}"))?;
    match check::document(&tree, Origin::Object) {
        Ok(Document::SyncTarget(target)) => Ok(target),
        Ok(Document::SyncPolicy(_)) => Err(format!("SyncTarget {name} is none")),
        Err(problems) => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Err(format!("SyncTarget {name}: {}", problems.join("; ")))
        }
    }
}
