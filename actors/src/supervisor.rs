//! The Supervisor: the root of the actor tree. It starts the Upstream, and the Targets once the upstream is known.

use crate::{
    metrics::Metrics,
    readiness::Readiness,
    runtime::{Actor, Context, Failure, Message, Placement, Signals, Spec},
    settings::Settings,
    target::Target,
    upstream::{Upstream, UpstreamBase, UpstreamLink},
};

/// The root actor.
pub struct Supervisor {
    settings: Settings,
    base: UpstreamBase,
    progress: Progress,
}

/// How far the Supervisor has come.
enum Progress {
    /// The upstream has not said who it is.
    AwaitingUpstream,
    /// The Targets run.
    Running,
}

/// What the Supervisor is told: the upstream said who it is.
pub struct SupervisorMessage(pub(crate) UpstreamLink);

impl Message for SupervisorMessage {}

// === impl Supervisor ===

impl Supervisor {
    /// A factory of the root actor for `settings`; what it has to show is in `readiness`, `signals` and `metrics`.
    pub fn factory(
        settings: Settings,
        readiness: Readiness,
        signals: Signals,
        metrics: Metrics,
    ) -> impl Fn() -> Self + Send + 'static {
        let base = UpstreamBase::new(&settings.upstream, readiness, signals, metrics);
        move || Self {
            settings: settings.clone(),
            base: base.clone(),
            progress: Progress::AwaitingUpstream,
        }
    }

    fn start_targets(&self, link: &UpstreamLink, ctx: &mut Context<Self>) {
        for target in &self.settings.targets {
            let spec = Spec::new(target.name.clone())
                .mailbox(self.settings.bounds.mailbox)
                .placement(Placement::Spread);
            let (target, bounds, link) = (target.clone(), self.settings.bounds, link.clone());
            ctx.spawn(spec, move || Target::new(target.clone(), bounds, link.clone()));
        }
    }
}

impl Actor for Supervisor {
    const KIND: &'static str = "Supervisor";
    type Message = SupervisorMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (base, supervisor) = (self.base.clone(), ctx.address());
        let spec = Spec::new(base.cluster.name())
            .mailbox(self.settings.bounds.mailbox)
            .placement(Placement::Spread);
        ctx.spawn(spec, move || Upstream::new(base.clone(), supervisor.clone()));
        Ok(())
    }

    fn handle(&mut self, SupervisorMessage(link): &SupervisorMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        // An Upstream that was built anew says it again; its address is the same.
        if matches!(self.progress, Progress::AwaitingUpstream) {
            self.start_targets(link, ctx);
            self.progress = Progress::Running;
        }
        Ok(())
    }

    fn state(&self) -> &'static str {
        match self.progress {
            Progress::AwaitingUpstream => "awaiting the upstream",
            Progress::Running => "running",
        }
    }
}
