//! Asking whoever was named, and making one report of the answers.

use std::time::Duration;

use jiff::Timestamp;
use syncer_clusters::{Cluster, ConfigError};
use syncer_core::target_status::HEARTBEAT_LOST;

use super::{
    StatusError, StatusOptions,
    admin::Admin,
    objects::{self, Unlisted},
    report::{Report, Target},
};

/// Whom to ask.
pub(super) struct Sources {
    upstream: Option<Cluster>,
    admin: Option<Admin>,
}

/// The upstream that was named, or that is the default, cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the upstream cannot be used: {0}; to ask a running syncer alone give --admin")]
pub(crate) struct UnusableUpstream(#[source] ConfigError);

/// A report, and whether all that were asked have answered.
pub(super) struct Gathered {
    pub(super) report: Report,
    pub(super) is_complete: bool,
}

// === impl Sources ===

impl Sources {
    /// Those that `options` name; the default upstream only where none is named.
    pub(super) fn of(options: &StatusOptions) -> Result<Self, StatusError> {
        let admin = options.admin.as_deref().map(Admin::at).transpose()?;
        let upstream = if options.upstream.is_named() || admin.is_none() {
            let connected = options
                .upstream
                .config()
                .and_then(|config| Cluster::builder("upstream").connect(config));
            Some(connected.map_err(UnusableUpstream)?)
        } else {
            None
        };
        Ok(Self { upstream, admin })
    }

    /// Asks all of them at once. What cannot be read is a warning in the report; the rest is shown.
    pub(super) async fn gather(&self, now: Timestamp) -> Gathered {
        let (mut report, mut live) = (Report::default(), Report::default());
        let of_objects = async {
            match &self.upstream {
                Some(cluster) => objects::read(cluster, &mut report).await,
                None => Ok(()),
            }
        };
        let of_syncer = async {
            match &self.admin {
                Some(admin) => admin.read(&mut live).await,
                None => Ok(()),
            }
        };
        let (listed, asked) = tokio::join!(of_objects, of_syncer);
        let mut is_complete = true;
        report.take_live(live);
        match listed {
            Ok(()) => {}
            // Targets of files have no objects: what the syncer says is all there is.
            Err(Unlisted::Unserved(_)) if self.admin.is_some() => {}
            Err(error) => {
                is_complete = false;
                report.warnings.push(error.to_string());
            }
        }
        if let Err(error) = asked {
            is_complete = false;
            report.warnings.push(error.to_string());
        }
        report.warn_of_silence(now);
        Gathered { report, is_complete }
    }
}

// === impl Report ===

impl Report {
    /// What a running syncer says now is newer than what is in the objects.
    fn take_live(&mut self, live: Self) {
        self.syncer = live.syncer;
        self.conflicts = live.conflicts;
        self.lag = live.lag;
        for target in live.targets {
            self.target(&target.name).take_live(target);
        }
    }

    fn warn_of_silence(&mut self, now: Timestamp) {
        let silent = |target: &&Target| {
            // One of the future is that of a clock that runs ahead: somebody reports.
            let age = target
                .heartbeat
                .map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
            target.ready.is_some() && age.is_none_or(|age| age > HEARTBEAT_LOST)
        };
        let warnings: Vec<_> = self
            .targets
            .iter()
            .filter(silent)
            .map(|target| {
                let name = &target.name;
                match target.heartbeat {
                    Some(at) => {
                        format!("target {name}: no heartbeat since {at}: it cannot be reached, or no syncer runs")
                    }
                    None => format!("target {name}: no heartbeat yet: it cannot be reached, or no syncer runs"),
                }
            })
            .collect();
        self.warnings.extend(warnings);
    }
}

// === impl Target ===

impl Target {
    fn take_live(&mut self, live: Self) {
        self.objects.extend(live.objects);
        self.drift = live.drift;
        self.state = live.state;
        if live.reachable.is_some() {
            self.reachable = live.reachable;
        }
    }
}
