//! A script that grows.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::Value;

use super::{
    Act, Kind, ObjectName, Step, Trouble,
    carry_out::UPSTREAM,
    plan::{Chaos, Plan},
};

/// A script that grows.
pub(super) struct Draft<'a> {
    plan: &'a Plan,
    chance: Rng,
    steps: Vec<Step>,
    /// The objects that are there, by what the script has done so far.
    objects: Vec<ObjectName>,
    made: usize,
    /// How often somebody changed an object on a target.
    pulls: BTreeMap<(String, ObjectName), u8>,
}

/// How often somebody changes one object on one target. From the third time on the syncer sees a fight, and leaves them the field.
const PULLS: u8 = 2;

// === impl Draft ===

impl<'a> Draft<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            plan,
            chance: Rng::with_seed(plan.seed),
            steps: Vec::new(),
            objects: Vec::new(),
            made: 0,
            pulls: BTreeMap::new(),
        }
    }

    /// All steps, not yet in the order of time.
    pub(super) fn steps(mut self) -> Vec<Step> {
        self.begin();
        self.changes();
        self.dead_target();
        self.troubles();
        self.restarts();
        self.steps
    }

    /// The first objects, in the first tenth.
    fn begin(&mut self) {
        let window = self.length() / 10;
        for number in 0..self.plan.objects {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            let all = u64::try_from(self.plan.objects).unwrap_or(u64::MAX).max(1);
            let Some(team) = self.chance.choice(&self.plan.teams) else {
                return;
            };
            // Each kind in turn, so that a small demonstration shows all.
            let kinds = self.plan.kinds.len().max(1);
            let Some(kind) = self.plan.kinds.get(self.made % kinds).copied() else {
                return;
            };
            let team = team.name.clone();
            self.create(window.saturating_mul(number) / all, team, kind);
        }
    }

    fn length(&self) -> u64 {
        u64::try_from(self.plan.length.as_millis()).unwrap_or(u64::MAX)
    }

    fn create(&mut self, at: u64, team: String, kind: Kind) {
        let name = format!("{}-{}", kind.stem(), self.made);
        self.made += 1;
        let body = kind.body(&name, &mut self.chance);
        let object = ObjectName { team, kind, name };
        self.objects.push(object.clone());
        self.push(at, Act::Create { object, body });
    }

    fn push(&mut self, at: u64, act: Act) {
        self.steps.push(Step { at, act });
    }

    /// What people do, from the first eighth on, in the order of time.
    fn changes(&mut self) {
        let (from, to) = (self.length() / 8, self.length());
        let mut times: Vec<u64> = (0..self.plan.changes).map(|_| self.chance.u64(from..=to)).collect();
        times.sort_unstable();
        for (number, at) in times.into_iter().enumerate() {
            // The first few show each of them once.
            let draw = match number {
                0 => 0,
                1 => 50,
                2 => 80,
                3 => 90,
                _ => self.chance.u8(..100),
            };
            self.change(at, draw);
        }
    }

    fn change(&mut self, at: u64, draw: u8) {
        let Some(object) = self.chance.choice(self.objects.clone()) else {
            return;
        };
        let Some(target) = self.chance.choice(self.plan.targets.clone()) else {
            return;
        };
        let kind = object.kind;
        match draw {
            50..72 if self.may_pull(&target, &object) => {
                let change = kind.drift(&mut self.chance);
                self.push(at, Act::Drift { target, object, change });
            }
            72..80 => self.push(at, Act::Loss { target, object }),
            80..90 if self.may_pull(&target, &object) => {
                let (upstream, downstream) = self.two_changes(kind);
                self.push(
                    at,
                    Act::Conflict {
                        target,
                        object,
                        upstream,
                        downstream,
                    },
                );
            }
            90..95 => {
                self.objects.retain(|known| *known != object);
                self.push(at, Act::Delete { object });
            }
            95.. => {
                let team = object.team;
                self.create(at, team, kind);
            }
            _ => {
                let change = kind.edit(&mut self.chance);
                self.push(at, Act::Edit { object, change });
            }
        }
    }

    fn may_pull(&mut self, target: &str, object: &ObjectName) -> bool {
        let pulls = self.pulls.entry((target.to_owned(), object.clone())).or_default();
        *pulls = pulls.saturating_add(1);
        *pulls <= PULLS
    }

    fn two_changes(&mut self, kind: Kind) -> (Value, Value) {
        let upstream = kind.change(&mut self.chance);
        loop {
            let downstream = kind.change(&mut self.chance);
            if downstream != upstream {
                return (upstream, downstream);
            }
        }
    }

    /// One target is gone between a third and a half.
    fn dead_target(&mut self) {
        let length = self.length();
        let Some(target) = self.chance.choice(self.plan.targets.clone()) else {
            return;
        };
        self.push(length / 3, Act::TargetDies { target: target.clone() });
        self.push(length / 2, Act::TargetReturns { target });
    }

    /// Each server is in trouble now and then, each time another one, from a sixth to nine tenths.
    fn troubles(&mut self) {
        if self.plan.chaos == Chaos::Calm {
            return;
        }
        let (begin, end) = (self.length() / 6, self.length() / 10 * 9);
        let servers = self.plan.targets.iter().map(String::as_str).chain([UPSTREAM]);
        for server in servers {
            let mut at = begin;
            loop {
                // What was under way has come back before the next trouble begins.
                let third = (end - begin).max(3) / 3;
                let well = self.chance.u64(third.min(1000)..=third);
                let ill = self.chance.u64(1..=(end - begin).max(2) / 4);
                at += well;
                if at + ill >= end {
                    break;
                }
                let Some(trouble) = self.chance.choice(Trouble::ALL) else {
                    break;
                };
                let server = server.to_owned();
                self.push(
                    at,
                    Act::TroubleBegins {
                        server: server.clone(),
                        trouble,
                    },
                );
                at += ill;
                self.push(at, Act::TroubleEnds { server });
            }
        }
    }

    fn restarts(&mut self) {
        let length = self.length();
        for _ in 0..self.plan.restarts {
            let at = self.chance.u64(length / 8..=length);
            self.push(at, Act::Restart);
        }
    }
}
