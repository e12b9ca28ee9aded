//! The kinds whose statuses are combined by a rule of their own.

use crate::Gvr;

/// How the statuses of several targets become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// Counters are summed, conditions combined, and every copy has to be complete.
    Deployment,
    /// As a Deployment, and revisions compared.
    StatefulSet,
    /// Counters are summed.
    DaemonSet,
    /// Counters are summed; it ends when it has ended everywhere.
    Job,
    /// Active jobs are listed together.
    CronJob,
    /// Load balancer addresses are joined.
    Service,
    /// Load balancer addresses are joined.
    Ingress,
    /// The worst phase.
    PersistentVolumeClaim,
    /// Counters are summed.
    PodDisruptionBudget,
    /// Counters are summed.
    HorizontalPodAutoscaler,
    /// No rule is known: the first target's.
    Other,
}

// === impl StatusKind ===

impl StatusKind {
    /// The kind of the objects of `gvr`, at any version.
    pub fn of(gvr: &Gvr) -> Self {
        match (gvr.group(), gvr.resource()) {
            ("apps", "deployments") => Self::Deployment,
            ("apps", "statefulsets") => Self::StatefulSet,
            ("apps", "daemonsets") => Self::DaemonSet,
            ("batch", "jobs") => Self::Job,
            ("batch", "cronjobs") => Self::CronJob,
            ("", "services") => Self::Service,
            ("networking.k8s.io", "ingresses") => Self::Ingress,
            ("", "persistentvolumeclaims") => Self::PersistentVolumeClaim,
            ("policy", "poddisruptionbudgets") => Self::PodDisruptionBudget,
            ("autoscaling", "horizontalpodautoscalers") => Self::HorizontalPodAutoscaler,
            _ => Self::Other,
        }
    }

    /// Whether the status of the objects of `gvr` goes up. Not where there is none, and not where the upstream's own API
    /// server writes it.
    pub fn is_propagated(gvr: &Gvr) -> bool {
        const WITHOUT: [&str; 8] = [
            "configmaps",
            "secrets",
            "serviceaccounts",
            "namespaces",
            "events",
            "endpoints",
            "limitranges",
            "podtemplates",
        ];
        match gvr.group() {
            "" => !WITHOUT.contains(&gvr.resource()),
            "networking.k8s.io" => gvr.resource() == "ingresses",
            "rbac.authorization.k8s.io"
            | "admissionregistration.k8s.io"
            | "apiextensions.k8s.io"
            | "apiregistration.k8s.io"
            | "coordination.k8s.io"
            | "discovery.k8s.io"
            | "events.k8s.io"
            | "scheduling.k8s.io"
            | "storage.k8s.io" => false,
            _ => true,
        }
    }

    /// Whether objects of the kind have `status.conditions`; none where only an object can tell.
    pub(super) fn has_conditions(self) -> Option<bool> {
        match self {
            Self::CronJob | Self::Ingress => Some(false),
            Self::Other => None,
            _ => Some(true),
        }
    }

    /// The counters of the status that are summed.
    pub(super) fn counters(self) -> &'static [&'static str] {
        match self {
            Self::Deployment => &[
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
                "unavailableReplicas",
                "terminatingReplicas",
            ],
            Self::StatefulSet => &[
                "replicas",
                "readyReplicas",
                "currentReplicas",
                "updatedReplicas",
                "availableReplicas",
            ],
            Self::DaemonSet => &[
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
                "numberUnavailable",
            ],
            Self::PodDisruptionBudget => &["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"],
            Self::HorizontalPodAutoscaler => &["currentReplicas", "desiredReplicas"],
            Self::Job => &["active", "ready", "terminating"],
            _ => &[],
        }
    }

    /// The counters that every status of the kind has: a schema refuses one without them.
    pub(super) fn required_counters(self) -> &'static [&'static str] {
        match self {
            Self::StatefulSet => &["replicas"],
            Self::DaemonSet => &[
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
            ],
            Self::PodDisruptionBudget | Self::HorizontalPodAutoscaler => self.counters(),
            _ => &[],
        }
    }

    /// Whether the status of several targets shows an `observedGeneration`.
    pub(super) fn observes_generation(self) -> bool {
        matches!(
            self,
            Self::Deployment
                | Self::StatefulSet
                | Self::DaemonSet
                | Self::PodDisruptionBudget
                | Self::HorizontalPodAutoscaler
        )
    }
}
