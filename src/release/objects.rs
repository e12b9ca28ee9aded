//! SyncTargets that are objects of the upstream, and kubeconfigs that lie in its Secrets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use syncer_clusters::{Cluster, ClusterConfig, FieldsV1Kept, Next, Object, TlsVerification};
use syncer_core::{
    Gvr, ResourceType, Scope,
    config::{
        SyncTarget,
        check::{self, Document, Origin},
    },
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
    let Some(resource) = served.resource_type("workload.kcp.io", "synctargets") else {
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

/// The kubeconfig that the Secret of `target` holds.
pub(super) async fn kubeconfig(upstream: &Cluster, target: &SyncTarget) -> Result<ClusterConfig, String> {
    let Some(reference) = &target.spec.kubeconfig_secret_ref else {
        return Err("it names no kubeconfig".to_owned());
    };
    let secrets = ResourceType {
        gvr: Gvr::new("", "v1", "secrets"),
        kind: "Secret".into(),
        scope: Scope::Namespaced,
    };
    let place = format!("Secret {}/{}", reference.namespace, reference.name);
    let found = upstream
        .get(&secrets, &reference.namespace, &reference.name, FieldsV1Kept::None)
        .await
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("there is no {place}, which its SyncTarget names"))?;
    let data = found.member("data").map(RawValue::get).unwrap_or_default();
    let data: BTreeMap<String, Option<String>> = serde_json::from_str(data).unwrap_or_default();
    let text = data.get(&reference.key).cloned().flatten();
    let text = text.ok_or_else(|| format!("{place} has no key {}", reference.key))?;
    let verification = if target.spec.insecure_skip_tls_verify {
        TlsVerification::AsTheKubeconfigSays
    } else {
        TlsVerification::Required
    };
    ClusterConfig::from_secret_data(&text, verification).map_err(|error| format!("{place}: {error}"))
}
