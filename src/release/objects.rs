//! SyncTargets that are objects of the upstream, and kubeconfigs that lie in its Secrets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, pin_mut};
use serde_json::value::RawValue;
use syncer_clusters::{Cluster, ClusterConfig, FieldsV1Kept, Next, Object, TlsVerification, WatchEvent, WatchOptions};
use syncer_core::{
    Gvr, ResourceType, Scope,
    config::{
        SyncTarget,
        check::{self, Document, Origin},
    },
};

/// How long the list of SyncTargets may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// The SyncTargets of `upstream`, by name; none where it does not serve them or does not show them.
pub(super) async fn sync_targets(upstream: &Cluster) -> Result<BTreeMap<Arc<str>, Arc<SyncTarget>>, String> {
    let served = upstream.discover().await.map_err(|error| error.to_string())?;
    let Some(resource) = served.resource_type("workload.kcp.io", "synctargets") else {
        return Ok(BTreeMap::new());
    };
    let listed = tokio::time::timeout(PATIENCE, list(upstream, resource));
    listed
        .await
        .unwrap_or_else(|_| Err("listing SyncTargets takes too long".to_owned()))
}

async fn list(upstream: &Cluster, resource: ResourceType) -> Result<BTreeMap<Arc<str>, Arc<SyncTarget>>, String> {
    let mut targets = BTreeMap::new();
    let events = upstream.watch(resource, WatchOptions::default());
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(object) => {
                let target = parse(&object)?;
                targets.insert(target.name.as_str().into(), target);
            }
            WatchEvent::Listed(_) => break,
            WatchEvent::Interrupted(error) if matches!(error.next(), Next::Forbidden | Next::Unserved) => break,
            WatchEvent::Interrupted(error) => return Err(error.to_string()),
            WatchEvent::ListStarted | WatchEvent::Deleted(_) | WatchEvent::Recovered => {}
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
