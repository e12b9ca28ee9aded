use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn noon() -> Timestamp {
    "2026-11-23T12:00:00.5Z".parse().unwrap()
}

fn candidate(name: &str) -> Candidate {
    Candidate::new(name, Timing::default())
}

fn held(by: &str, beat: u64) -> Record {
    let spec =
        json!({"holderIdentity": by, "leaseDurationSeconds": 15, "renewTime": beat.to_string(), "leaseTransitions": 3});
    Record::new("u", &beat.to_string(), &spec)
}

fn released(beat: u64) -> Record {
    let spec = json!({"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": "then", "leaseTransitions": 3});
    Record::new("u", &beat.to_string(), &spec)
}

/// What `candidate` does at `now`, after it saw `record`.
fn sees(candidate: &mut Candidate, now: u64, record: Option<Record>) -> Step {
    candidate.begin();
    assert_eq!(
        candidate.step(at(now), noon()),
        Step::Look,
        "who does not lead reads first"
    );
    candidate.observe(at(now), record);
    candidate.step(at(now), noon())
}

fn writes(step: Step) -> Claim {
    match step {
        Step::Write(claim) => claim,
        other => panic!("{other:?} is no write"),
    }
}

/// A candidate that leads since 0.
fn leader(name: &str) -> Candidate {
    let mut leader = candidate(name);
    writes(sees(&mut leader, 0, None));
    leader.written(at(0), at(0), held(name, 1));
    leader
}

#[test]
fn without_a_lease_it_is_made_at_once() {
    let mut one = candidate("one");
    let claim = writes(sees(&mut one, 0, None));
    assert_eq!(claim.over, Over::Absence);
    assert_eq!(
        claim.spec,
        json!({
            "holderIdentity": "one", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-11-23T12:00:00.500000Z", "renewTime": "2026-11-23T12:00:00.500000Z",
        })
    );
    one.written(at(0), at(1), held("one", 1));
    assert_eq!(*one.standing(), Standing::Leading { until: at(10) }, "from the sending");
}

#[test]
fn a_lease_that_moves_is_somebody_elses_and_one_that_stands_still_is_taken_over() {
    let mut two = candidate("two");
    for beat in 0..20 {
        assert_eq!(sees(&mut two, 2 * beat, Some(held("one", beat))), Step::Rest);
    }
    // Last seen to move at 38.
    for now in [40, 45, 52] {
        assert_eq!(sees(&mut two, now, Some(held("one", 19))), Step::Rest, "{now}");
    }
    let claim = writes(sees(&mut two, 53, Some(held("one", 19))));
    assert_eq!(
        claim.over,
        Over::Version {
            uid: "u".into(),
            version: "19".into()
        }
    );
    assert_eq!(
        (&claim.spec["holderIdentity"], &claim.spec["leaseTransitions"]),
        (&json!("two"), &json!(4))
    );
}

/// What it wrote and gave up arrived late, after somebody deleted the Lease of another that leads on for a while.
#[test]
fn its_own_name_in_the_lease_is_no_right_to_lead_while_another_may() {
    let mut two = candidate("two");
    assert_eq!(sees(&mut two, 0, Some(held("one", 1))), Step::Rest);
    for now in [1, 14] {
        assert_eq!(sees(&mut two, now, Some(held("two", 2))), Step::Rest, "{now}");
    }
    writes(sees(&mut two, 15, Some(held("two", 2))));
}

/// The times in the Lease are an hour off, one way or the other, and one does not even go forward: only that it changes counts.
#[test]
fn the_other_ones_clock_does_not_matter() {
    for skew in [-3600, 3600] {
        let mut two = candidate("two");
        let wrong = noon() + SignedDuration::from_secs(skew);
        for beat in 0..10_u64 {
            let spec = json!({"holderIdentity": "one", "leaseDurationSeconds": 15, "renewTime": (wrong - SignedDuration::from_secs(i64::try_from(beat).unwrap())).to_string()});
            let record = Record::new("u", &beat.to_string(), &spec);
            assert_eq!(sees(&mut two, 2 * beat, Some(record)), Step::Rest);
        }
    }
}

#[test]
fn a_label_that_changes_is_no_renewal() {
    let mut two = candidate("two");
    let relabelled = |version: u64| Record {
        version: version.to_string(),
        ..held("one", 0)
    };
    for now in 0..15 {
        assert_eq!(sees(&mut two, now, Some(relabelled(now))), Step::Rest);
    }
    writes(sees(&mut two, 15, Some(relabelled(15))));
}

#[test]
fn the_holder_says_how_long_it_is_waited_for_unless_that_is_nonsense() {
    let cases = [
        (json!(60), 60),
        (json!(5), 5),
        (json!(0), 15),
        (json!(-4), 15),
        (json!(2_147_483_647), 15),
        (json!("long"), 15),
        (Value::Null, 15),
    ];
    for (seconds, waits) in cases {
        let spec = json!({"holderIdentity": "one", "leaseDurationSeconds": seconds});
        let record = || Some(Record::new("u", "1", &spec));
        let mut two = candidate("two");
        assert_eq!(sees(&mut two, 0, record()), Step::Rest, "{seconds}");
        assert_eq!(sees(&mut two, waits - 1, record()), Step::Rest, "{seconds}");
        writes(sees(&mut two, waits, record()));
    }
}

#[test]
fn a_lease_of_garbage_is_taken() {
    for spec in [
        Value::Null,
        json!([]),
        json!({"holderIdentity": 7, "leaseTransitions": -9, "renewTime": {}}),
        json!({"leaseTransitions": i64::MAX}),
    ] {
        let mut one = candidate("one");
        let claim = writes(sees(&mut one, 0, Some(Record::new("u", "1", &spec))));
        let transitions = claim.spec["leaseTransitions"].as_i64().unwrap();
        assert!(
            (1..=i64::from(i32::MAX)).contains(&transitions),
            "{spec}: {transitions}"
        );
    }
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    let mut two = candidate("two");
    assert_eq!(sees(&mut two, 0, Some(held("one", 1))), Step::Rest);
    writes(sees(&mut two, 1, Some(released(2))));
}

/// Its holder does not know yet, and writes on.
#[test]
fn a_lease_that_a_stranger_deletes_or_empties_is_waited_for() {
    let emptied = || {
        Some(Record::new(
            "u",
            "9",
            &json!({"holderIdentity": "", "leaseDurationSeconds": 15}),
        ))
    };
    for gone in [None, emptied()] {
        let mut two = candidate("two");
        assert_eq!(sees(&mut two, 0, Some(held("one", 1))), Step::Rest);
        assert_eq!(sees(&mut two, 14, gone.clone()), Step::Rest);
        assert_eq!(sees(&mut two, 28, gone.clone()), Step::Rest);
        writes(sees(&mut two, 29, gone));
    }
}

#[test]
fn a_leader_makes_a_deleted_lease_anew_and_takes_an_emptied_one_back() {
    for (gone, over) in [
        (None, Over::Absence),
        (
            Some(Record::new("u", "9", &json!({"holderIdentity": ""}))),
            Over::Version {
                uid: "u".into(),
                version: "9".into(),
            },
        ),
    ] {
        let mut one = leader("one");
        one.refused();
        assert_eq!(one.step(at(2), noon()), Step::Look);
        one.observe(at(2), gone);
        assert_eq!(writes(one.step(at(2), noon())).over, over);
        one.written(at(2), at(2), held("one", 10));
        assert_eq!(*one.standing(), Standing::Leading { until: at(12) });
    }
}

#[test]
fn a_leader_renews_over_what_it_wrote_and_leads_from_the_sending() {
    let mut one = leader("one");
    for beat in 2..10 {
        one.begin();
        let claim = writes(one.step(at(2 * beat), noon()));
        assert_eq!(
            claim.over,
            Over::Version {
                uid: "u".into(),
                version: (beat - 1).to_string()
            }
        );
        assert_eq!(claim.spec.get("acquireTime"), None, "it is led since then");
        one.written(at(2 * beat), at(2 * beat + 1), held("one", beat));
        assert_eq!(
            *one.standing(),
            Standing::Leading {
                until: at(2 * beat + 10)
            }
        );
    }
}

#[test]
fn a_leader_that_cannot_renew_stops_in_time_and_for_good() {
    let mut one = leader("one");
    one.unanswered();
    one.expire(at(9));
    assert!(matches!(one.standing(), Standing::Leading { .. }));
    assert_eq!(one.step(at(10), noon()), Step::Rest);
    assert_eq!(*one.standing(), Standing::Lost(Loss::NotRenewed));
    one.written(at(9), at(11), held("one", 2));
    assert_eq!(
        *one.standing(),
        Standing::Lost(Loss::NotRenewed),
        "an answer that came too late"
    );
    assert!(!one.stop(), "it gives nothing up: a write of it may still be under way");
    assert_eq!(one.give_up(&held("one", 2), noon()), None);
}

/// The write happened, and its answer was lost.
#[test]
fn a_renewal_without_an_answer_is_looked_at_and_counts_for_nothing() {
    let mut one = leader("one");
    one.unanswered();
    assert_eq!(one.step(at(4), noon()), Step::Look);
    one.observe(at(4), Some(held("one", 2)));
    assert_eq!(*one.standing(), Standing::Leading { until: at(10) });
    assert_eq!(
        writes(one.step(at(4), noon())).over,
        Over::Version {
            uid: "u".into(),
            version: "2".into()
        }
    );
}

#[test]
fn a_take_over_without_an_answer_is_finished_by_the_next_round() {
    let mut two = candidate("two");
    writes(sees(&mut two, 0, None));
    two.unanswered();
    let claim = writes(sees(&mut two, 30, Some(held("two", 5))));
    assert_eq!(
        claim.over,
        Over::Version {
            uid: "u".into(),
            version: "5".into()
        }
    );
    two.written(at(30), at(41), held("two", 6));
    assert_eq!(
        *two.standing(),
        Standing::Standby,
        "an answer that took longer than the deadline begins nothing"
    );
    writes(sees(&mut two, 42, Some(held("two", 6))));
    two.written(at(42), at(42), held("two", 7));
    assert_eq!(*two.standing(), Standing::Leading { until: at(52) });
}

/// Both saw that it is free, and the other one was first.
#[test]
fn who_is_refused_looks_again_and_waits() {
    let mut two = candidate("two");
    writes(sees(&mut two, 0, None));
    two.refused();
    assert_eq!(two.step(at(0), noon()), Step::Look);
    two.observe(at(0), Some(held("one", 1)));
    assert_eq!(two.step(at(0), noon()), Step::Rest);
}

#[test]
fn a_holder_that_returns_finds_the_lease_taken_and_ends() {
    let mut one = leader("one");
    one.refused();
    assert_eq!(one.step(at(3), noon()), Step::Look);
    one.observe(at(3), Some(held("two", 2)));
    assert_eq!(*one.standing(), Standing::Lost(Loss::Taken("two".into())));
    assert_eq!(one.step(at(3), noon()), Step::Rest);
    // Its process begins anew, as another one, and waits.
    assert_eq!(sees(&mut candidate("one again"), 0, Some(held("one", 1))), Step::Rest);
}

#[test]
fn giving_up_empties_the_lease_that_is_held() {
    let mut one = leader("one");
    let record = held("one", 7);
    assert_eq!(one.give_up(&record, noon()), None, "not while it leads");
    assert!(one.stop());
    let claim = one.give_up(&record, noon()).unwrap();
    assert_eq!(
        claim.over,
        Over::Version {
            uid: "u".into(),
            version: "7".into()
        }
    );
    assert_eq!(claim.spec["holderIdentity"], "");
    assert!(Record::new("u", "8", &claim.spec).is_released());
    assert_eq!(*one.standing(), Standing::Lost(Loss::GivenUp));
    assert_eq!(one.give_up(&held("two", 8), noon()), None, "it is another's");
    assert!(!candidate("two").stop());
}

#[test]
fn times_that_would_let_two_lead_are_refused() {
    let of = |duration, deadline, retry| {
        Timing::new(
            Duration::from_millis(duration),
            Duration::from_millis(deadline),
            Duration::from_millis(retry),
        )
    };
    assert_eq!(of(15_000, 10_000, 2_000), Ok(Timing::default()));
    assert!(of(1_000, 500, 100).is_ok());
    for duration in [0, 500, 1_500, 3_601_000] {
        assert_eq!(of(duration, 400, 100), Err(WrongTiming::Duration), "{duration}");
    }
    assert_eq!(of(15_000, 15_000, 2_000), Err(WrongTiming::Deadline));
    assert_eq!(of(15_000, 10_000, 5_000), Err(WrongTiming::Retry));
    assert_eq!(of(15_000, 10_000, 0), Err(WrongTiming::Retry));
}

mod together {
    //! Several replicas and one Lease: requests that are slow, lost, or carried out without an answer; processes that hang and go on;
    //! clocks that are hours apart and do not run alike; strangers at the Lease.

    use super::*;

    /// One step of true time, in milliseconds.
    const TICK: u64 = 50;
    const END: u64 = 300_000;

    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }

        fn one_in(&mut self, bound: u64) -> bool {
            self.below(bound) == 0
        }
    }

    /// What is under way: when it reaches the server, when the answer is there, and what the server said.
    struct Flight {
        asked: Step,
        sent: Duration,
        arrives: u64,
        answered: Option<u64>,
        reply: Option<Result<Option<Record>, ()>>,
    }

    struct Replica {
        candidate: Candidate,
        flight: Option<Flight>,
        next_round: u64,
        hangs_until: u64,
        /// Its clock: thousandths of the true pace, and hours off.
        pace: u64,
        skew: i64,
        lives: u64,
    }

    #[derive(Default)]
    struct Server {
        lease: Option<(Value, u64)>,
        version: u64,
        /// Requests whose sender has given them up, and that still arrive.
        late: Vec<Flight>,
    }

    impl Server {
        fn reply(&mut self, step: &Step) -> Result<Option<Record>, ()> {
            let read = |lease: &Option<(Value, u64)>| {
                lease
                    .as_ref()
                    .map(|(spec, version)| Record::new("u", &version.to_string(), spec))
            };
            let Step::Write(claim) = step else {
                return Ok(read(&self.lease));
            };
            let spec = match (&claim.over, self.lease.take()) {
                (Over::Absence, None) => claim.spec.clone(),
                (Over::Version { version, .. }, Some((mut spec, there))) if *version == there.to_string() => {
                    for (field, value) in claim.spec.as_object().unwrap() {
                        spec[field] = value.clone();
                    }
                    spec
                }
                (_, lease) => {
                    self.lease = lease;
                    return Err(());
                }
            };
            self.version += 1;
            self.lease = Some((spec, self.version));
            Ok(read(&self.lease))
        }
    }

    impl Replica {
        fn new(number: u64, chance: &mut Chance) -> Self {
            Self {
                candidate: candidate(&format!("{number}-0")),
                flight: None,
                next_round: chance.below(4000),
                hangs_until: 0,
                pace: 950 + chance.below(101),
                skew: [-3600, 0, 3600][usize::try_from(chance.below(3)).unwrap()],
                lives: 0,
            }
        }

        fn now(&self, time: u64) -> Duration {
            Duration::from_millis(time * self.pace / 1000)
        }

        /// As the fence judges it, before each write.
        fn may_write(&self, time: u64) -> bool {
            time >= self.hangs_until
                && matches!(self.candidate.standing(), Standing::Leading { until } if self.now(time) < *until)
        }

        fn turn(&mut self, time: u64, server: &mut Server, chance: &mut Chance) {
            if let Some(flight) = &mut self.flight
                && flight.reply.is_none()
                && time >= flight.arrives
            {
                flight.reply = Some(server.reply(&flight.asked));
            }
            if time < self.hangs_until {
                return;
            }
            let now = self.now(time);
            self.candidate.expire(now);
            if let Standing::Lost(_) = self.candidate.standing() {
                // The process ends, and comes back as another one.
                self.lives += 1;
                let number = self.candidate.identity().split('-').next().unwrap().to_owned();
                self.candidate = candidate(&format!("{number}-{}", self.lives));
                server.late.extend(self.flight.take());
                self.next_round = time + chance.below(30_000);
                return;
            }
            if let Some(flight) = self.flight.take() {
                if flight.answered.is_some_and(|answered| time >= answered) && flight.reply.is_some() {
                    if self.take(flight, now) {
                        return;
                    }
                } else if now >= flight.sent + Duration::from_secs(5) {
                    self.candidate.unanswered();
                    server.late.push(flight);
                } else {
                    self.flight = Some(flight);
                    return;
                }
            } else if time >= self.next_round {
                self.candidate.begin();
                self.next_round = time + 2000 + chance.below(400);
            } else {
                return;
            }
            let wall = noon()
                + SignedDuration::from_secs(self.skew)
                + SignedDuration::from_millis(i64::try_from(time).unwrap());
            let step = self.candidate.step(now, wall);
            if step == Step::Rest || self.flight.is_some() {
                return;
            }
            let slow = chance.one_in(8);
            let mut way = || if slow { chance.below(9000) } else { chance.below(100) };
            let (there, back) = (way(), way());
            let (lost, silent) = (chance.one_in(12), chance.one_in(12));
            self.flight = Some(Flight {
                asked: step,
                sent: now,
                arrives: if lost { u64::MAX } else { time + there },
                answered: (!silent).then_some(time + there + back),
                reply: None,
            });
        }

        /// Takes an answer; whether the round is done with it.
        fn take(&mut self, flight: Flight, now: Duration) -> bool {
            match (flight.asked, flight.reply) {
                (Step::Look, Some(Ok(record))) => self.candidate.observe(now, record),
                (Step::Write(_), Some(Ok(Some(record)))) => {
                    self.candidate.written(flight.sent, now, record);
                    return true;
                }
                _ => self.candidate.refused(),
            }
            false
        }
    }

    /// Lets `replicas` run, and says how often the lead went from one to another.
    fn run(seed: u64, replicas: u64) -> Result<usize, TestCaseError> {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut server = Server::default();
        let mut all: Vec<_> = (0..replicas).map(|number| Replica::new(number, &mut chance)).collect();
        let mut leaders: Vec<String> = Vec::new();
        for time in (0..END).step_by(usize::try_from(TICK).unwrap()) {
            for late in std::mem::take(&mut server.late) {
                if late.reply.is_none() && time >= late.arrives {
                    let _ = server.reply(&late.asked);
                } else if late.reply.is_none() && late.arrives < END {
                    server.late.push(late);
                }
            }
            for replica in &mut all {
                replica.turn(time, &mut server, &mut chance);
            }
            let writing: Vec<_> = all.iter().filter(|replica| replica.may_write(time)).collect();
            prop_assert!(
                writing.len() < 2,
                "at {time} ms two write: {:?}",
                writing.iter().map(|one| one.candidate.identity()).collect::<Vec<_>>()
            );
            if let Some(one) = writing.first()
                && leaders.last().is_none_or(|last| last != one.candidate.identity())
            {
                leaders.push(one.candidate.identity().to_owned());
            }
            if chance.one_in(400) {
                let which = usize::try_from(chance.below(replicas)).unwrap();
                all[which].hangs_until = time + chance.below(40_000);
            }
            // A stranger. Who never saw a Lease cannot wait for one that was deleted.
            let known = all
                .iter()
                .all(|replica| replica.candidate.pulse.is_some() && time >= replica.hangs_until);
            if chance.one_in(1000) && known {
                server.lease = None;
            } else if chance.one_in(200)
                && let Some((_, version)) = &mut server.lease
            {
                server.version += 1;
                *version = server.version;
            }
        }
        Ok(leaders.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn there_are_never_two_writers(seed in any::<u64>(), replicas in 2_u64..4) {
            run(seed, replicas)?;
        }
    }

    #[test]
    fn somebody_leads_again_and_again() {
        let turns: Vec<_> = (1..40).map(|seed| run(seed, 2).unwrap()).collect();
        assert!(turns.iter().all(|turns| *turns > 0), "{turns:?}");
        assert!(turns.iter().sum::<usize>() > 40 * 3, "{turns:?}");
    }
}
