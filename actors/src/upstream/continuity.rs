//! Whether the server under the upstream's address is still the upstream that the process began with. While it is not, nothing is
//! written and nothing is deleted, on either side (S3).

use std::sync::{Arc, OnceLock};

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use syncer_clusters::{Cause, Cluster, Witness, upstream_identity::IdentifyError};
use tracing::{error, info};

use super::identify;
use crate::{metrics::Metrics, readiness::Readiness, settings::UpstreamSource, target_report::TargetReports};

/// Who the upstream was, and who answers now. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Continuity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cluster: Cluster,
    source: UpstreamSource,
    /// The upstream id, once it is known.
    id: OnceLock<Arc<str>>,
    /// The id of another upstream that answered last.
    replaced: Mutex<Option<Arc<str>>>,
    readiness: Readiness,
    metrics: Metrics,
    reports: TargetReports,
}

/// Another upstream answers under the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another upstream answers under this address (it was {was}, it is {is}): nothing is written or deleted; if it takes the other's place, \
     start anew, with --previous-upstream={was} where it is to take over what that one put on the targets"
)]
pub(crate) struct Replaced {
    /// The id that the process began with.
    pub(crate) was: Arc<str>,
    /// The id that answers now.
    pub(crate) is: Arc<str>,
}

// === impl Continuity ===

impl Continuity {
    /// Of `cluster`, whose id is not known yet.
    pub(crate) fn new(
        cluster: Cluster,
        source: UpstreamSource,
        readiness: Readiness,
        metrics: Metrics,
        reports: TargetReports,
    ) -> Self {
        Self(Arc::new(Inner {
            cluster,
            source,
            id: OnceLock::new(),
            replaced: Mutex::new(None),
            readiness,
            metrics,
            reports,
        }))
    }

    /// The upstream said that it is `id`: the first one to be heard counts from then on.
    pub(crate) fn heard(&self, id: &Arc<str>) -> Result<(), Replaced> {
        let was = self.0.id.get_or_init(|| id.clone());
        let mut replaced = self.0.replaced.lock();
        if *was == *id {
            if replaced.take().is_some() {
                info!(%id, "the upstream that the process began with answers again: the sync goes on");
                self.0.readiness.upstream_continued();
                self.0.metrics.upstream_continued();
            }
            return Ok(());
        }
        let error = Replaced {
            was: was.clone(),
            is: id.clone(),
        };
        if replaced.as_ref() != Some(id) {
            error!(was = %error.was, is = %error.is, "{error}");
            self.0.readiness.upstream_replaced();
            self.0.metrics.upstream_replaced();
            self.0.reports.upstream_replaced(&error.was, &error.is);
            *replaced = Some(id.clone());
        }
        Err(error)
    }

    /// Whether another upstream answered last.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.replaced.lock().is_some()
    }

    /// Asks the upstream who it is. What it answered before may count only once this is well.
    pub(crate) async fn check(&self) -> Result<(), Cause> {
        match identify::id(&self.0.cluster, &self.0.source).await {
            Ok(id) => self
                .heard(&id)
                .map_err(|replaced| Cause::Unvouched(replaced.to_string().into())),
            Err(IdentifyError::Cluster(error)) => Err(error.cause().clone()),
            Err(error @ (IdentifyError::NoIdentity { .. } | IdentifyError::Unusable { .. })) => {
                Err(Cause::Unvouched(error.to_string().into()))
            }
        }
    }
}

impl Witness for Continuity {
    fn vouch(&self) -> BoxFuture<'_, Result<(), Cause>> {
        self.check().boxed()
    }
}

#[cfg(test)]
mod tests {
    use syncer_clusters::{ClusterConfig, Limits, TlsVerification};

    use super::*;

    fn continuity() -> (Continuity, Readiness) {
        let readiness = Readiness::of([]);
        readiness.upstream_listed();
        let kubeconfig = "{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}], \
            contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}], current-context: a}";
        let verification = TlsVerification::AsTheKubeconfigSays;
        let config = ClusterConfig::from_kubeconfig_secret(kubeconfig.as_bytes(), verification).unwrap();
        let cluster = Cluster::connect("upstream", config, Limits::default()).unwrap();
        let continuity = Continuity::new(
            cluster,
            UpstreamSource::Plain,
            readiness.clone(),
            Metrics::default(),
            TargetReports::default(),
        );
        (continuity, readiness)
    }

    #[test]
    fn the_first_id_counts_and_another_one_breaks_it_until_the_first_is_back() {
        let (continuity, readiness) = continuity();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        assert_eq!(continuity.heard(&one), Ok(()));
        assert!(!continuity.is_broken() && readiness.is_ready());
        for _ in 0..2 {
            let replaced = continuity.heard(&other).unwrap_err();
            assert_eq!((&replaced.was, &replaced.is), (&one, &other));
            assert!(replaced.to_string().contains("--previous-upstream=one"), "{replaced}");
            assert!(continuity.is_broken() && !readiness.is_ready());
        }
        assert_eq!(continuity.heard(&one), Ok(()));
        assert!(!continuity.is_broken() && readiness.is_ready());
    }

    #[tokio::test]
    async fn an_upstream_that_does_not_answer_vouches_for_nothing() {
        let (continuity, _) = continuity();
        continuity.heard(&"one".into()).unwrap();
        assert!(continuity.check().await.unwrap_err().is_unreachable());
        assert!(!continuity.is_broken(), "and says nothing about another one");
    }
}
