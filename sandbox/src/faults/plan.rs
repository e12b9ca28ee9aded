//! A plan of faults, and the seeded draw that carries it out.

use std::time::Duration;

use super::Verdict;

/// Faults in their order; each one is drawn for each request that it is about, the first that stops a request ends it.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<Fault>,
}

/// One kind of trouble.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The requests that it may meet.
    pub which: Which,
    /// What it does.
    pub effect: Effect,
    /// How likely it is, from 0 to 1.
    pub odds: f64,
    /// How often at most; without end if `None`.
    pub times: Option<u64>,
}

/// Which requests a fault is about; an empty list is all.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// The verbs.
    pub verbs: Vec<Verb>,
    /// The resources, in their plural.
    pub resources: Vec<String>,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH other than apply.
    Patch,
    /// Server-side apply.
    Apply,
    /// DELETE of one object or of many.
    Delete,
    /// Discovery, health and the like.
    Other,
}

/// What a fault does to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It waits for `least`, and up to `most`.
    Delay {
        /// The shortest time.
        least: Duration,
        /// The longest time.
        most: Duration,
    },
    /// It is answered with this status and not carried out.
    Status {
        /// The HTTP status.
        code: u16,
        /// The seconds of `Retry-After`, if the answer has it.
        retry_after: Option<u32>,
    },
    /// It is carried out, and answered with this status all the same.
    LateStatus {
        /// The HTTP status.
        code: u16,
    },
    /// The connection breaks before it is carried out.
    Drop,
    /// It is carried out, and the connection breaks before the answer.
    DropAnswer,
    /// The answer breaks in the middle.
    Truncate,
    /// It is never answered.
    Hang,
}

/// The draw of a plan.
#[derive(Debug)]
pub(crate) struct Draw {
    chance: fastrand::Rng,
    faults: Vec<(Fault, u64)>,
}

// === impl Which ===

impl Which {
    fn takes(&self, verb: Verb, resource: &str) -> bool {
        (self.verbs.is_empty() || self.verbs.contains(&verb))
            && (self.resources.is_empty() || self.resources.iter().any(|own| own == resource))
    }
}

// === impl Draw ===

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            faults: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, plan: FaultPlan) {
        self.faults = plan.faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    pub(crate) fn hits(&self) -> Vec<u64> {
        self.faults.iter().map(|(_, hits)| *hits).collect()
    }

    pub(crate) fn verdict(&mut self, verb: Verb, resource: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for (fault, hits) in &mut self.faults {
            let spent = fault.times.is_some_and(|times| *hits >= times);
            if spent || !fault.which.takes(verb, resource) || self.chance.f64() >= fault.odds {
                continue;
            }
            *hits += 1;
            match &fault.effect {
                Effect::Delay { least, most } => {
                    let spread = most.saturating_sub(*least);
                    verdict.delay += *least + spread.mul_f64(self.chance.f64());
                }
                effect => {
                    verdict.effect = Some(effect.clone());
                    break;
                }
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> FaultPlan {
        FaultPlan {
            faults: vec![
                Fault {
                    which: Which::default(),
                    effect: Effect::Delay {
                        least: Duration::from_millis(5),
                        most: Duration::from_millis(50),
                    },
                    odds: 0.5,
                    times: None,
                },
                Fault {
                    which: Which {
                        verbs: vec![Verb::Apply],
                        resources: vec!["configmaps".to_owned()],
                    },
                    effect: Effect::Status {
                        code: 503,
                        retry_after: Some(1),
                    },
                    odds: 1.0,
                    times: Some(2),
                },
            ],
        }
    }

    fn run(seed: u64) -> Vec<Verdict> {
        let mut draw = Draw::new(seed);
        draw.set(plan());
        (0..50).map(|_| draw.verdict(Verb::Apply, "configmaps")).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_fault_meets_what_it_is_about_and_no_more_often_than_it_may() {
        let stopped = |verdicts: &[Verdict]| verdicts.iter().filter(|verdict| verdict.effect.is_some()).count();
        assert_eq!(stopped(&run(1)), 2);
        let mut draw = Draw::new(1);
        draw.set(plan());
        let others: Vec<Verdict> = (0..20).map(|_| draw.verdict(Verb::Apply, "secrets")).collect();
        assert_eq!(stopped(&others), 0);
        assert_eq!(draw.hits()[1], 0);
    }
}
