//! What the actors are told, as the options say: of `run`, and of `diff`, so that it shows what the other does.

use std::{sync::Arc, time::Duration};

use syncer_actors::{
    Bounds, OwnObjectsReceiver, Preview, Rulebooks, Settings, StandingBy, TargetReports, UpstreamSettings, Writes,
    events::Recent, runtime::Clock, verdicts::Verdicts,
};
use syncer_clusters::{Cluster, ConfigError, Fence, Rehearsal};
use syncer_core::{
    config::{API_GROUP, schema::SYNC_TARGET},
    hash_key::HashKey,
    placement::Secrets,
};
use tokio::sync::watch;

use super::{StartError, usable::usable};
use crate::{
    configurator::{Configurator, Published},
    documents::{self, Following, KubeconfigSecrets, SyncSecrets},
    hash_key,
    rest_client::{RestClient, Side},
    rulebooks::Surroundings,
    sync_options::SyncOptions,
    target_option::each_once,
};

/// How long an upstream may take to say whether it has SyncTargets, where no target is named otherwise.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What the actors are for: to write, to say what they would write, or to try it.
pub(crate) struct Purpose {
    pub(crate) writes: Writes,
    pub(crate) confirm_mass_deletion: Option<usize>,
    pub(crate) preview: Option<Preview>,
    /// What lets writes through; none where all go.
    pub(crate) fence: Option<Fence>,
    /// What is to be done while another process leads; none where there is no election.
    pub(crate) standing_by: Option<StandingBy>,
}

/// What the actors are told, as `options` say.
pub(crate) fn settings(
    options: &SyncOptions,
    purpose: Purpose,
    rest_client: &RestClient,
    pool: &Arc<tokio::runtime::Runtime>,
) -> Result<Settings, StartError> {
    let cluster = upstream(options, rest_client, &purpose).map_err(StartError::Upstream)?;
    let reports = TargetReports::default();
    let (rulebooks, own_objects) = configuration(options, &purpose, rest_client, pool, &cluster, &reports)?;
    let bounds = Bounds {
        mailbox: options.mailbox.get(),
        reconcilers: options.reconcilers.get(),
    };
    Ok(Settings {
        rulebooks,
        upstream: UpstreamSettings {
            cluster,
            body_cache: options.body_cache,
            source: options.source.source(),
            previous: options.previous_upstream.as_deref().map(Arc::from),
        },
        bounds,
        writes: purpose.writes,
        confirm_mass_deletion: purpose.confirm_mass_deletion,
        hash_key: hash_key(options, purpose.writes, pool)?,
        recent: Recent::default(),
        verdicts: Verdicts::default(),
        own_objects,
        reports,
        preview: purpose.preview,
        standing_by: purpose.standing_by,
    })
}

// === impl Purpose ===

impl Purpose {
    fn rehearsal(&self) -> Option<Rehearsal> {
        self.preview.as_ref().map(|preview| preview.rehearsal().clone())
    }
}

/// Reads the documents of files and options, and follows them and the objects of the upstream from here on.
fn configuration(
    options: &SyncOptions,
    purpose: &Purpose,
    rest_client: &RestClient,
    pool: &Arc<tokio::runtime::Runtime>,
    cluster: &Cluster,
    reports: &TargetReports,
) -> Result<(Rulebooks, OwnObjectsReceiver), StartError> {
    each_once(options.targets.iter().map(|target| &target.name))?;
    let of_options = documents_of(options);
    let fallback = of_options.fallback();
    let following = Following::start(options.source.files.clone(), of_options)
        .map_err(|problems| StartError::Documents(documents::report(&problems)))?;
    let secrets = KubeconfigSecrets::of(cluster.clone());
    let surroundings = Surroundings {
        rest_client: rest_client.clone(),
        fence: purpose.fence.clone(),
        kubeconfigs: secrets.clone(),
        rehearsal: purpose.rehearsal(),
        writes_in_flight: options.writes_in_flight.get(),
        own_namespace: own_namespace(),
        secrets: if options.sync_secrets {
            Secrets::Allowed
        } else {
            Secrets::OnlyNamed
        },
        default_mapping: options.source.default_mapping(),
        clock: Clock::system(),
    };
    let (seen, objects) = watch::channel(Arc::default());
    let configurator = Configurator {
        surroundings,
        secrets,
        fallback,
        files: following.receiver(),
        objects,
        reports: reports.clone(),
    };
    let of_files = configurator.of_files()?;
    if of_files.targets.is_empty() {
        pool.block_on(has_sync_targets(cluster))?;
    }
    usable(&of_files, &following.receiver().borrow().configuration)?;
    let (rulebooks, newest) = watch::channel(Arc::new(configurator.unknown()?));
    let (own_objects, own) = watch::channel(Arc::default());
    let (cluster, standing_by) = (cluster.clone(), purpose.standing_by.clone());
    pool.spawn(async move {
        // Who stands by reads none of it: it begins with what there is when it leads.
        if let Some(standing_by) = standing_by {
            standing_by.leadership.leading().await;
        }
        documents::follow_objects(cluster, seen).await;
    });
    pool.spawn(configurator.run(Published { rulebooks, own_objects }));
    pool.spawn(following.run(documents::every()));
    Ok((newest, own))
}

/// Without any target named here they have to be objects. An upstream that does not answer yet may have some.
async fn has_sync_targets(cluster: &Cluster) -> Result<(), StartError> {
    match tokio::time::timeout(FIRST_LOOK, cluster.discover()).await {
        Ok(Ok(served)) if served.resource_type(API_GROUP, SYNC_TARGET.plural).is_none() => Err(StartError::NobodyNamed),
        _ => Ok(()),
    }
}

fn documents_of(options: &SyncOptions) -> documents::Options {
    documents::Options {
        named: options.targets.clone(),
        strategy: options.strategy.into(),
        secrets: if options.sync_secrets {
            SyncSecrets::All
        } else {
            SyncSecrets::OnlyNamed
        },
        status_interval: options.status_interval,
    }
}

/// The key of the file, else the one beside this pod, else one of this process alone.
fn hash_key(options: &SyncOptions, writes: Writes, pool: &Arc<tokio::runtime::Runtime>) -> Result<HashKey, StartError> {
    let failed = |file: &str, cause: std::io::Error| StartError::HashKey {
        file: file.to_owned(),
        cause,
    };
    if let Some(file) = &options.hash_key_file {
        return hash_key::of_file(file).map_err(|cause| failed(&file.display().to_string(), cause));
    }
    let namespace = own_namespace();
    let key = pool.block_on(hash_key::of_pod(namespace.as_deref(), writes));
    key.map_err(|error| failed("of this process", std::io::Error::other(error)))
}

fn upstream(options: &SyncOptions, rest_client: &RestClient, purpose: &Purpose) -> Result<Cluster, ConfigError> {
    Cluster::builder("upstream")
        .observer(rest_client.at(Side::Upstream))
        .rehearsing(purpose.rehearsal())
        .fenced(purpose.fence.clone())
        .connect(options.source.upstream.config()?)
}

/// The namespace that this pod runs in, whose objects are never synced.
fn own_namespace() -> Option<String> {
    let namespace = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok()?;
    Some(namespace.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}
