//! `--leader-elect`: which Lease, in which cluster, and who this process is.

use std::time::Duration;

use clap::Args;
use syncer_actors::{
    StandingBy, Writes,
    leader_election::{Candidacy, Election, LeaderStatus, Leadership},
    runtime::{Chance, Clock},
};
use syncer_clusters::{Cluster, ClusterConfig, ConfigError, Fence, Limits};
use syncer_core::{
    config::ConfigDuration,
    lease::{Timing, WrongTiming},
};

use crate::{
    kubeconfig_option::KubeconfigOption,
    object_name::ObjectName,
    rest_client::{RestClient, Side},
    upstream_options::UpstreamOptions,
};

/// How long giving the Lease up may take, when everything else has ended.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(1);

/// Which of several replicas works.
#[derive(Debug, Args)]
#[command(next_help_heading = "Leader election")]
pub(crate) struct LeaderElectionOptions {
    /// Run as one of several replicas: the one that holds a Lease works, the others stand by.
    #[arg(long, env = "TMC_SYNCER_LEADER_ELECT")]
    leader_elect: bool,
    /// The name of the Lease. Replicas share it; two installations in one namespace need two.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "tmc-syncer",
        env = "TMC_SYNCER_LEASE_NAME"
    )]
    lease_name: ObjectName,
    /// The namespace of the Lease; without it that of the pod, or of the kubeconfig's context (`default` where it names none).
    #[arg(long, value_name = "NAME", env = "TMC_SYNCER_LEASE_NAMESPACE")]
    lease_namespace: Option<ObjectName>,
    /// The kubeconfig of the cluster that has the Lease, and the context in that; without it the cluster that the pod runs in, and
    /// outside of a pod the upstream.
    #[arg(long, value_name = "FILE[#CONTEXT]", env = "TMC_SYNCER_LEASE_KUBECONFIG")]
    lease_kubeconfig: Option<KubeconfigOption>,
    /// How long the others wait for a leader that is silent, in whole seconds.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "15s",
        env = "TMC_SYNCER_LEASE_DURATION"
    )]
    lease_duration: ConfigDuration,
    /// How long a leader that cannot renew the Lease works on before it ends; shorter than the lease duration.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10s",
        env = "TMC_SYNCER_LEASE_RENEW_DEADLINE"
    )]
    lease_renew_deadline: ConfigDuration,
    /// The time between two looks at the Lease.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "2s",
        env = "TMC_SYNCER_LEASE_RETRY_PERIOD"
    )]
    lease_retry_period: ConfigDuration,
}

/// Why there can be no election.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ElectionError {
    #[error(
        "--leader-elect cannot go with --dry-run, which writes nothing, and no Lease either: leave out one of them"
    )]
    DryRun,
    #[error("--lease-duration, --lease-renew-deadline, --lease-retry-period: {0}")]
    Timing(#[from] WrongTiming),
    #[error("the cluster of the Lease cannot be used: {0}")]
    Cluster(#[source] ConfigError),
    #[error("cannot make up a name for this process: no randomness: {0}")]
    Identity(#[from] getrandom::Error),
}

/// An election that this process takes part in, or none: then it leads, and always has.
#[derive(Default)]
pub(crate) struct Electing {
    fence: Option<Fence>,
    status: LeaderStatus,
    candidacy: Option<Candidacy>,
    standing_by: Option<StandingBy>,
}

// === impl LeaderElectionOptions ===

impl LeaderElectionOptions {
    /// Makes everything ready, in a task of the present runtime; nothing where there is no election.
    pub(crate) fn prepare(
        &self,
        upstream: &UpstreamOptions,
        rest_client: &RestClient,
        writes: Writes,
    ) -> Result<Electing, ElectionError> {
        if !self.leader_elect {
            return Ok(Electing::default());
        }
        if writes != Writes::Done {
            return Err(ElectionError::DryRun);
        }
        let timing = Timing::new(
            self.lease_duration.0,
            self.lease_renew_deadline.0,
            self.lease_retry_period.0,
        )?;
        let config = self.config(upstream).map_err(ElectionError::Cluster)?;
        let named = self.lease_namespace.as_ref().map(ObjectName::as_str);
        let namespace = named.unwrap_or_else(|| config.namespace()).to_owned();
        // Two tries at least before the deadline, whatever the network does.
        let try_for = timing.renew_deadline() / 3;
        let limits = Limits {
            request_timeout: try_for,
            connect_timeout: try_for,
            longest_probe: timing.retry_period() / 2,
            ..Limits::default()
        };
        let connect = |name: &str, config, limits| {
            let builder = Cluster::builder(name).limits(limits);
            let cluster = builder.observer(rest_client.at(Side::Upstream)).connect(config);
            cluster.map_err(ElectionError::Cluster)
        };
        let cluster = connect("the cluster of the Lease", config, limits)?;
        // A standby says one thing, and not by the client that leads.
        let upstream = upstream.config().map_err(ElectionError::Cluster)?;
        let upstream = connect("upstream", upstream, Limits::default())?;
        let fence = Fence::new();
        let election = Election {
            cluster,
            namespace,
            name: self.lease_name.as_str().to_owned(),
            identity: identity()?,
            timing,
            fence: fence.clone(),
            clock: Clock::system(),
        };
        let status = LeaderStatus::default();
        let candidacy = election.prepare(&status, Chance::new(getrandom::u64()?));
        let standing_by = StandingBy {
            leadership: candidacy.leadership().clone(),
            upstream,
        };
        Ok(Electing {
            fence: Some(fence),
            status,
            candidacy: Some(candidacy),
            standing_by: Some(standing_by),
        })
    }

    fn config(&self, upstream: &UpstreamOptions) -> Result<ClusterConfig, ConfigError> {
        match &self.lease_kubeconfig {
            Some(KubeconfigOption { file, context }) => ClusterConfig::from_kubeconfig_file(file, context.as_deref()),
            None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => ClusterConfig::in_cluster(),
            None => upstream.config(),
        }
    }
}

// === impl Electing ===

impl Electing {
    /// What lets the writes of this process through; none where all go.
    pub(crate) fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// Where this process stands; none where there is no election.
    pub(crate) fn leadership(&self) -> Option<&Leadership> {
        self.candidacy.as_ref().map(Candidacy::leadership)
    }

    /// What is to be done while another process leads.
    pub(crate) fn standing_by(&self) -> Option<StandingBy> {
        self.standing_by.clone()
    }

    /// The gauge of it; none where there is no election.
    pub(crate) fn status(&self) -> Option<&LeaderStatus> {
        self.candidacy.as_ref().map(|_| &self.status)
    }

    /// Begins: from here on this process may lead.
    pub(crate) fn begin(&mut self) {
        if let Some(candidacy) = &mut self.candidacy {
            candidacy.begin();
        }
    }

    /// Returns when this process may lead no more; never where there is no election.
    pub(crate) async fn lost(&mut self) {
        match &mut self.candidacy {
            Some(candidacy) => drop(candidacy.lost().await),
            None => std::future::pending().await,
        }
    }

    /// Gives the Lease up. Only when nothing is in flight any more.
    pub(crate) async fn give_up(self) {
        if let Some(candidacy) = self.candidacy {
            candidacy.give_up(GIVE_UP).await;
        }
    }
}

/// The name of this host and a number of this process alone.
fn identity() -> Result<String, getrandom::Error> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "tmc-syncer",
        host => host,
    };
    Ok(format!("{host}_{:016x}", getrandom::u64()?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        upstream: UpstreamOptions,
        #[command(flatten)]
        election: LeaderElectionOptions,
    }

    fn begin(arguments: &[&str], writes: Writes) -> Result<Electing, String> {
        let line = Line::try_parse_from(["x"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        let begun = line.election.prepare(&line.upstream, &RestClient::new(), writes);
        begun.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn without_the_option_there_is_no_election_and_no_fence() {
        let electing = begin(&["--lease-name", "other"], Writes::Reported).ok().unwrap();
        assert!(electing.fence().is_none() && electing.leadership().is_none() && electing.status().is_none());
        assert!(electing.standing_by().is_none());
    }

    #[tokio::test]
    async fn the_lease_is_where_it_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let text = "{clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}], users: [{name: u, user: {}}], current-context: a, \
                    contexts: [{name: a, context: {cluster: c, user: u, namespace: tmc}}, {name: b, context: {cluster: c, user: u}}]}";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let with_context = format!("{file}#b");
        let cases: [(&[&str], &str); 4] = [
            (&["--upstream-kubeconfig", file], "tmc/tmc-syncer"),
            (
                &["--upstream-kubeconfig", file, "--lease-kubeconfig", &with_context],
                "default/tmc-syncer",
            ),
            (&["--upstream-kubeconfig", file, "--lease-name", "east"], "tmc/east"),
            (
                &["--upstream-kubeconfig", file, "--lease-namespace", "kube-system"],
                "kube-system/tmc-syncer",
            ),
        ];
        let mut identities = std::collections::BTreeSet::new();
        for (arguments, lease) in cases {
            let electing = begin(&[&["--leader-elect"], arguments].concat(), Writes::Done)
                .ok()
                .unwrap();
            let position = electing.leadership().unwrap().position();
            assert_eq!(position.lease, lease);
            identities.insert(position.identity);
            assert!(!electing.fence().unwrap().admits(), "nobody leads yet");
        }
        assert_eq!(identities.len(), 4, "each process is another one");
    }

    #[tokio::test]
    async fn what_cannot_be_is_refused_with_the_option_in_the_message() {
        let cases: [(&[&str], &str); 7] = [
            (&["--lease-duration", "10s"], "--lease-renew-deadline"),
            (&["--lease-duration", "1500ms"], "whole seconds"),
            (&["--lease-retry-period", "9s"], "retry period"),
            (&["--lease-name", "Tmc Syncer"], "--lease-name"),
            (&["--lease-namespace", ""], "--lease-namespace"),
            (&["--lease-kubeconfig", "#context"], "--lease-kubeconfig"),
            (
                &["--lease-kubeconfig", "/nowhere"],
                "the cluster of the Lease cannot be used",
            ),
        ];
        for (arguments, part) in cases {
            let error = begin(&[&["--leader-elect"], arguments].concat(), Writes::Done)
                .err()
                .unwrap();
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
        let error = begin(&["--leader-elect"], Writes::Reported).err().unwrap();
        assert!(error.contains("--dry-run"), "{error}");
    }
}
