//! What is told is written, coalesced and within its bounds, or counted as lost.

use std::{collections::HashMap, iter};

use proptest::prelude::*;
use syncer_core::LogicalCluster;

use super::{
    super::{record::Known, tests::key},
    *,
};
use crate::metrics::WriteVerb;

const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

/// A story, the time that passes in it, and what became of what was told.
struct Run {
    story: Story,
    start: Instant,
    now: Instant,
    written: u64,
    writes: usize,
    lost: HashMap<EventLoss, u64>,
}

impl Run {
    fn new(most: usize) -> Self {
        let now = Instant::now();
        Self {
            story: Story::new(most),
            start: now,
            now,
            written: 0,
            writes: 0,
            lost: HashMap::new(),
        }
    }

    fn tell(&mut self, key: &Arc<EventKey>) {
        let telling = Telling {
            times: 1,
            time: EPOCH + (self.now - self.start),
            origin: Origin::current(),
        };
        let told = self.story.tell(key, telling, self.now);
        self.count(told);
    }

    fn count(&mut self, told: Result<(), Lost>) {
        if let Err(lost) = told {
            *self.lost.entry(lost.loss).or_default() += u64::from(lost.times);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Writes what comes next. The key, if there was one.
    fn write_one(&mut self) -> Option<Arc<EventKey>> {
        let (key, writing) = self.story.next(self.now)?;
        self.end(&key, &writing, End::Written);
        Some(key)
    }

    fn write_all(&mut self) -> Vec<Arc<EventKey>> {
        iter::from_fn(|| self.write_one()).collect()
    }

    fn end(&mut self, key: &Arc<EventKey>, writing: &Writing, end: End) {
        let known = writing.known.unwrap_or(Known {
            count: 0,
            first: writing.tidings.first,
        });
        let outcome = match end {
            End::Written => Outcome::Written {
                verb: WriteVerb::Create,
                known: Known {
                    count: known.count + writing.tidings.times,
                    ..known
                },
            },
            End::Refused => Outcome::Refused("no".into()),
            End::Failed => Outcome::Failed { wait: Duration::ZERO },
        };
        let lost = self.story.written(key, &outcome, self.now);
        self.count(lost);
        if end == End::Written {
            self.writes += 1;
            self.written += u64::from(writing.tidings.times);
        }
    }

    fn lost(&self, loss: EventLoss) -> u64 {
        self.lost.get(&loss).copied().unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Written,
    Refused,
    Failed,
}

#[test]
fn what_is_told_first_is_written_at_once_and_what_is_told_again_seldom() {
    let mut run = Run::new(10);
    let key = key("", "default", "web", "it does not go down");
    run.tell(&key);
    assert!(run.write_one().is_some());
    let mut times = Vec::new();
    for second in 1..=900_u64 {
        run.pass(Duration::from_secs(1));
        run.tell(&key);
        if run.write_one().is_some() {
            times.push(second);
        }
    }
    assert_eq!(times, [10, 30, 70, 150, 310, 610]);
    assert_eq!((run.written, run.lost.len()), (611, 0), "each one is in a count");
}

#[test]
fn after_a_quiet_time_the_rest_is_short_again() {
    let mut run = Run::new(10);
    let key = key("", "default", "web", "note");
    for _ in 0..5 {
        run.tell(&key);
        run.pass(Duration::from_mins(5));
        run.write_all();
    }
    run.pass(Duration::from_mins(16));
    run.tell(&key);
    assert!(run.write_one().is_some());
    run.tell(&key);
    assert_eq!(run.story.next_due(run.now), Some(run.now + Duration::from_secs(10)));
}

#[test]
fn the_last_word_is_written_though_nothing_more_is_told() {
    let mut run = Run::new(10);
    let key = key("", "default", "web", "note");
    run.tell(&key);
    run.write_all();
    run.pass(Duration::from_secs(1));
    run.tell(&key);
    assert!(run.write_one().is_none());
    let due = run.story.next_due(run.now).unwrap();
    run.now = due;
    let (_, writing) = run.story.next(run.now).unwrap();
    assert_eq!(
        (writing.known.map(|known| known.count), writing.tidings.times),
        (Some(1), 1)
    );
    assert_eq!(writing.tidings.last, EPOCH + Duration::from_secs(1));
}

#[test]
fn a_note_that_never_repeats_itself_is_no_flood() {
    let mut run = Run::new(1_000);
    for number in 0..500 {
        run.tell(&key("", "default", "web", &format!("try {number} failed")));
    }
    run.tell(&key("", "default", "other", "note"));
    assert_eq!(run.write_all().len(), 9, "eight, and the other object's");
    assert_eq!(run.lost(EventLoss::Varied), 492);
    run.pass(Duration::from_secs(10));
    run.tell(&key("", "default", "web", "try 500 failed"));
    assert_eq!(run.write_all().len(), 1, "what rests no more makes room");
}

#[test]
fn over_all_there_is_a_burst_and_then_a_steady_rate() {
    let mut run = Run::new(1_000);
    for number in 0..200 {
        run.tell(&key("", "default", &number.to_string(), "note"));
    }
    assert_eq!(run.write_all().len(), 50);
    for _ in 0..10 {
        run.pass(Duration::from_secs(1));
        assert_eq!(run.write_all().len(), 10);
    }
}

/// S9: neither what waits nor what is new of a quiet workspace suffers from the flood of another.
#[test]
fn a_flood_of_one_workspace_neither_displaces_nor_delays_another() {
    let mut run = Run::new(100);
    run.tell(&key("quiet", "default", "web", "before"));
    for number in 0..1_000 {
        run.tell(&key("flood", "default", &number.to_string(), "note"));
    }
    run.tell(&key("quiet", "other", "web", "after"));
    let first: Vec<_> = iter::from_fn(|| run.write_one()).take(4).collect();
    let quiet = first
        .iter()
        .filter(|key| key.subject.key.cluster == LogicalCluster::new("quiet"));
    assert_eq!(quiet.count(), 2, "{first:?}");
    assert_eq!(run.lost(EventLoss::Crowded), 902);
    assert_eq!(run.story.records.len(), 100);
}

#[test]
fn what_is_written_makes_room_before_what_is_not() {
    let mut run = Run::new(2);
    let (old, new) = (key("", "default", "old", "note"), key("", "default", "new", "note"));
    run.tell(&old);
    run.write_all();
    run.tell(&new);
    run.tell(&key("", "default", "third", "note"));
    assert_eq!(run.lost.len(), 0, "nothing was lost");
    assert!(!run.story.records.contains_key(&old));
}

#[test]
fn a_write_is_tried_three_times_and_no_more() {
    let mut run = Run::new(10);
    let key = key("", "default", "web", "note");
    run.tell(&key);
    let mut tries = Vec::new();
    while let Some(due) = run.story.next_due(run.now) {
        run.now = run.now.max(due);
        let (key, writing) = run.story.next(run.now).unwrap();
        tries.push((run.now - run.start).as_secs());
        run.end(&key, &writing, End::Failed);
    }
    assert_eq!((tries, run.lost(EventLoss::Failed)), (vec![0, 1, 3], 1));
    run.tell(&key);
    assert_eq!(run.story.next_due(run.now), Some(run.now + Duration::from_secs(10)));
}

#[test]
fn who_is_refused_does_not_ask_again_soon() {
    let mut run = Run::new(10);
    let key = key("", "default", "web", "note");
    run.tell(&key);
    let (_, writing) = run.story.next(run.now).unwrap();
    run.end(&key, &writing, End::Refused);
    run.tell(&key);
    assert_eq!(run.story.next_due(run.now), Some(run.now + Duration::from_mins(5)));
    assert_eq!(run.lost(EventLoss::Refused), 1);
}

#[derive(Clone, Debug)]
enum Move {
    Tell(u8, u8),
    Begin,
    End(u8, End),
    PutOff,
    Pass(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let end = prop_oneof![Just(End::Written), Just(End::Refused), Just(End::Failed)];
    let one = prop_oneof![
        6 => (0_u8..6, 0_u8..12).prop_map(|(object, note)| Move::Tell(object, note)),
        3 => Just(Move::Begin),
        3 => (any::<u8>(), end).prop_map(|(which, end)| Move::End(which, end)),
        1 => Just(Move::PutOff),
        2 => (0_u16..400).prop_map(Move::Pass),
    ];
    prop::collection::vec(one, 0..300)
}

proptest! {
    /// Whatever happens in whatever order: each telling is written once, lost and counted, or still there, and the memory is bounded.
    #[test]
    fn nothing_is_told_twice_or_lost_uncounted(moves in moves()) {
        let mut run = Run::new(7);
        let (mut told, mut in_flight) = (0_u64, Vec::new());
        for step in moves {
            match step {
                Move::Tell(object, note) => {
                    told += 1;
                    run.tell(&key(&(object % 3).to_string(), "x", &object.to_string(), &note.to_string()));
                }
                Move::Begin if in_flight.len() < 4 => in_flight.extend(run.story.next(run.now)),
                Move::PutOff => {
                    if let Some((key, _)) = run.story.next(run.now) {
                        run.story.put_off(&key, run.now);
                    }
                }
                Move::End(which, end) if !in_flight.is_empty() => {
                    let (key, writing) = in_flight.swap_remove(usize::from(which) % in_flight.len());
                    run.end(&key, &writing, end);
                }
                Move::Begin | Move::End(..) => {}
                Move::Pass(seconds) => run.pass(Duration::from_secs(seconds.into())),
            }
            prop_assert!(run.story.records.len() <= 7);
            let at_stake: u64 = run.story.records.values().map(|record| u64::from(record.at_stake())).sum();
            prop_assert_eq!(told, run.written + run.lost.values().sum::<u64>() + at_stake);
            let notes: u64 = run.story.notes.values().map(|notes| u64::from(*notes)).sum();
            prop_assert_eq!(notes, run.story.records.len() as u64);
        }
        // All that is left is written once nothing more is told.
        for (key, writing) in in_flight.drain(..) {
            run.end(&key, &writing, End::Written);
        }
        for _ in 0..1_000 {
            run.write_all();
            let Some(due) = run.story.next_due(run.now) else { break };
            run.now = run.now.max(due);
        }
        prop_assert_eq!(told, run.written + run.lost.values().sum::<u64>());
    }
}
