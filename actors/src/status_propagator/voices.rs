//! Which targets are heard, and since when the others are not.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use syncer_core::{
    Gvr,
    status::{StatusKind, Voice},
};

/// How long a target may be silent before statuses say so: the restart of an API server is not worth two writes per object.
const GRACE: Duration = Duration::from_secs(10);

/// How long after our start a target is not left out, whatever its last heartbeat was: it must have had a chance to be listed, or
/// all targets would be left out and come back after an absence of ours.
const CHANCE: Duration = Duration::from_secs(30);

/// The targets.
#[derive(Default)]
pub(super) struct Voices {
    started: Timestamp,
    /// The number of the last list of each resource that was begun upstream.
    upstream: HashMap<Gvr, u32>,
    targets: BTreeMap<Arc<str>, Target>,
}

#[derive(Default)]
struct Target {
    lists: HashMap<Gvr, List>,
    /// Its last sign of life before this process began.
    heartbeat: Option<Timestamp>,
    reach: Reach,
    told: Told,
    chance: Chance,
    slices: Slices,
}

/// Whether the endpoints of its Services are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slices {
    /// They are not watched, or may not be listed: nobody waits for them.
    #[default]
    Unknown,
    /// They are about to be listed: until then nothing is said of its Services.
    Awaited,
    /// They are.
    Listed,
}

/// Whether the target answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    /// It does, as far as is known.
    #[default]
    Open,
    /// It does not.
    Lost { since: Timestamp },
}

/// What statuses say of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    /// That it is heard.
    #[default]
    Heard,
    /// That it is silent.
    Silent,
}

/// Whether the target had its chance to be heard after our start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Chance {
    /// Not yet, as far as is told.
    #[default]
    Given,
    /// It had.
    Over,
}

/// The lists of one resource.
#[derive(Default)]
struct List {
    /// The number of the last one begun.
    begun: u32,
    /// Whether one went through.
    complete: bool,
}

/// What is new about the targets.
pub(super) struct News {
    pub(super) silent: Vec<(Arc<str>, Timestamp)>,
    pub(super) back: Vec<Arc<str>>,
    /// Those whose last heartbeat counts from now on.
    pub(super) overdue: Vec<Arc<str>>,
}

// === impl Voices ===

impl Voices {
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.started = now;
    }

    pub(super) fn upstream_list_started(&mut self, gvr: &Gvr) {
        *self.upstream.entry(gvr.clone()).or_default() += 1;
    }

    /// The number of the list upstream that is under way, or was last.
    pub(super) fn upstream_list(&self, gvr: &Gvr) -> u32 {
        self.upstream.get(gvr).copied().unwrap_or_default()
    }

    pub(super) fn list_started(&mut self, target: &Arc<str>, gvr: &Gvr) {
        self.list_of(target, gvr).begun += 1;
    }

    /// The number of the list that is under way, or was last.
    pub(super) fn list(&mut self, target: &Arc<str>, gvr: &Gvr) -> u32 {
        self.list_of(target, gvr).begun
    }

    /// A list went through; returns its number.
    pub(super) fn listed(&mut self, target: &Arc<str>, gvr: &Gvr) -> u32 {
        let list = self.list_of(target, gvr);
        list.complete = true;
        list.begun
    }

    pub(super) fn reached(&mut self, target: &Arc<str>) {
        self.target(target).reach = Reach::Open;
    }

    pub(super) fn lost(&mut self, target: &Arc<str>, now: Timestamp) {
        let target = self.target(target);
        if target.reach == Reach::Open {
            target.reach = Reach::Lost { since: now };
        }
    }

    /// A heartbeat of another clock that is ahead of ours counts as now.
    pub(super) fn remembered(&mut self, target: &Arc<str>, heartbeat: Timestamp, now: Timestamp) {
        let target = self.target(target);
        // One that this process connected anew has its time from then on, whatever was stored.
        target.heartbeat = target.heartbeat.or(Some(heartbeat.min(now)));
    }

    /// `target` is wanted; one that is new is waited for from now on, not from the start.
    pub(super) fn expected(&mut self, target: &Arc<str>, now: Timestamp) {
        if !self.targets.contains_key(target) && self.chance(now) == Chance::Over {
            self.removed(target, now);
        }
    }

    /// `target` is connected anew or not at all: what it said before does not count, and it has its time again.
    pub(super) fn removed(&mut self, target: &Arc<str>, now: Timestamp) {
        let unheard = Target {
            heartbeat: Some(now),
            ..Target::default()
        };
        self.targets.insert(target.clone(), unheard);
    }

    /// Whether `target` is heard about `gvr`.
    pub(super) fn of(&self, target: &str, gvr: &Gvr, now: Timestamp) -> Voice {
        let Some(known) = self.targets.get(target) else {
            return Voice::NeverHeard { since: self.started };
        };
        let awaited = StatusKind::of(gvr) == StatusKind::Service && known.slices == Slices::Awaited;
        if awaited || !known.lists.get(gvr).is_some_and(|list| list.complete) {
            let since = known.heartbeat.unwrap_or(self.started);
            let since = match self.chance(now) {
                Chance::Given => since.max(self.started),
                Chance::Over => since,
            };
            return Voice::NeverHeard { since };
        }
        match known.reach {
            Reach::Lost { since } if is_silence(since, now) => Voice::Silent { since },
            Reach::Open | Reach::Lost { .. } => Voice::Fresh,
        }
    }

    /// The `EndpointSlices` of `target` are about to be listed.
    pub(super) fn slices_awaited(&mut self, target: &Arc<str>) {
        let target = self.target(target);
        if target.slices == Slices::Unknown {
            target.slices = Slices::Awaited;
        }
    }

    /// The `EndpointSlices` of `target` were listed; says whether they were not before.
    pub(super) fn slices_listed(&mut self, target: &Arc<str>) -> bool {
        let before = mem::replace(&mut self.target(target).slices, Slices::Listed);
        before != Slices::Listed
    }

    /// The `EndpointSlices` of `target` cannot be listed for now; says whether they were waited for.
    pub(super) fn slices_withheld(&mut self, target: &Arc<str>) -> bool {
        let target = self.target(target);
        let was_awaited = target.slices == Slices::Awaited;
        if was_awaited {
            target.slices = Slices::Unknown;
        }
        was_awaited
    }

    /// Whether the `EndpointSlices` of `target` were listed.
    pub(super) fn has_slices(&self, target: &str) -> bool {
        let known = self.targets.get(target);
        known.is_some_and(|known| known.slices == Slices::Listed)
    }

    /// Who fell silent for longer than the grace, and who came back; each is told once.
    pub(super) fn news(&mut self, now: Timestamp) -> News {
        let mut news = News {
            silent: Vec::new(),
            back: Vec::new(),
            overdue: Vec::new(),
        };
        let (chance, started) = (self.chance(now), self.started);
        for (name, target) in &mut self.targets {
            if chance == Chance::Over
                && target.chance == Chance::Given
                && target.heartbeat.is_some_and(|at| at < started)
            {
                target.chance = Chance::Over;
                news.overdue.push(name.clone());
            }
            match (target.reach, target.told) {
                (Reach::Lost { since }, Told::Heard) if is_silence(since, now) => {
                    target.told = Told::Silent;
                    news.silent.push((name.clone(), since));
                }
                (Reach::Open, Told::Silent) => {
                    target.told = Told::Heard;
                    news.back.push(name.clone());
                }
                _ => {}
            }
        }
        news
    }

    fn chance(&self, now: Timestamp) -> Chance {
        if is_at_least(CHANCE, self.started, now) {
            Chance::Over
        } else {
            Chance::Given
        }
    }

    fn list_of(&mut self, target: &Arc<str>, gvr: &Gvr) -> &mut List {
        self.target(target).lists.entry(gvr.clone()).or_default()
    }

    fn target(&mut self, name: &Arc<str>) -> &mut Target {
        self.targets.entry(name.clone()).or_default()
    }
}

fn is_silence(since: Timestamp, now: Timestamp) -> bool {
    is_at_least(GRACE, since, now)
}

fn is_at_least(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    let time = SignedDuration::try_from(time).unwrap_or_default();
    now.duration_since(since) >= time
}
