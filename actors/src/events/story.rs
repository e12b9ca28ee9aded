//! What was told, what of it is written, and what comes next: a bounded memory without I/O and without a clock.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, SystemTime},
};

use syncer_core::{ObjectKey, event_reason::EventReason};
use tokio::time::Instant;

use super::{
    EventKey,
    bucket::Bucket,
    record::{Failed, Place, Record, Stage, Tidings, Writing},
    write::Outcome,
};
use crate::{metrics::EventLoss, round_robin::RoundRobin, runtime::Origin};

/// One write each, over all, once the burst is used up.
const INTERVAL: Duration = Duration::from_millis(100);
/// Writes at first and after a rest.
const BURST: u32 = 50;
/// Different notes on one object for one reason: a note that never repeats itself is no flood of Events.
const NOTES: u8 = 8;

/// The memory of a recorder.
pub(super) struct Story {
    most: usize,
    records: HashMap<Arc<EventKey>, Record>,
    /// How many records one object has for one reason.
    notes: HashMap<(ObjectKey, EventReason), u8>,
    /// Those that have nothing to write, the one that is idle longest first.
    idle: BTreeMap<Place, Arc<EventKey>>,
    /// Those that rest, by when they are due.
    waiting: BTreeMap<Place, Arc<EventKey>>,
    due: RoundRobin<Arc<EventKey>>,
    bucket: Bucket,
    places: u64,
}

/// Something was told, so often, at this time.
pub(super) struct Telling {
    pub(super) times: u32,
    pub(super) time: SystemTime,
    pub(super) origin: Origin,
}

/// So many tellings will not be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) loss: EventLoss,
    pub(super) times: u32,
}

// === impl Story ===

impl Story {
    /// A memory of `most` Events.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            records: HashMap::new(),
            notes: HashMap::new(),
            idle: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: RoundRobin::default(),
            bucket: Bucket::new(INTERVAL, BURST),
            places: 0,
        }
    }

    /// Takes down what was told. An error says what was lost for it: this, or something else that had to make room.
    pub(super) fn tell(&mut self, key: &Arc<EventKey>, telling: Telling, now: Instant) -> Result<(), Lost> {
        let room = if self.records.contains_key(key) {
            Ok(())
        } else {
            self.make_room(key, telling.times, now)
        };
        if let Err(lost) = &room
            && lost.loss == EventLoss::Varied
        {
            return room;
        }
        let place = self.place(now);
        let record = self.records.entry(key.clone()).or_insert_with(|| {
            *self.notes.entry(key.line()).or_default() += 1;
            self.idle.insert(place, key.clone());
            Record::new(place)
        });
        let tidings = Tidings {
            times: telling.times,
            first: telling.time,
            last: telling.time,
            origin: telling.origin,
        };
        record.told(tidings, now);
        if let Stage::Idle(place) = record.stage {
            self.idle.remove(&place);
            self.line_up(key, now);
        }
        room
    }

    /// The next write, if one is due and the pace allows it. Its outcome has to be [`written`](Self::written) back.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Arc<EventKey>, Writing)> {
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            let key = entry.remove();
            self.line_up(&key, now);
        }
        if self.due.is_empty() || !self.bucket.take(now) {
            return None;
        }
        let key = self.due.pop()?;
        let record = self.records.get_mut(&key)?;
        record.stage = Stage::InFlight;
        Some((key, record.send()?))
    }

    /// When to ask for the [`next`](Self::next) again, if nothing happens before.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        if !self.due.is_empty() {
            return Some(self.bucket.free_at().unwrap_or(now));
        }
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// The write that came next could not be begun.
    pub(super) fn put_off(&mut self, key: &Arc<EventKey>, now: Instant) {
        if let Some(record) = self.records.get_mut(key) {
            record.unsend();
            self.settle(key, now);
        }
    }

    /// A write came to an end. An error says what was lost.
    pub(super) fn written(&mut self, key: &Arc<EventKey>, outcome: &Outcome, now: Instant) -> Result<(), Lost> {
        let Some(record) = self.records.get_mut(key) else {
            return Ok(());
        };
        let lost = match outcome {
            Outcome::Written { known, .. } => {
                record.written(*known, now);
                Ok(())
            }
            Outcome::Refused(_) => Err(Lost {
                loss: EventLoss::Refused,
                times: record.refused(now),
            }),
            Outcome::Failed { wait } => match record.failed(*wait, now) {
                Failed::TriedAgain => Ok(()),
                Failed::GivenUp(times) => Err(Lost {
                    loss: EventLoss::Failed,
                    times,
                }),
            },
        };
        self.settle(key, now);
        lost
    }

    /// Finds the place of a record that is not in flight any more.
    fn settle(&mut self, key: &Arc<EventKey>, now: Instant) {
        let place = self.place(now);
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        if record.due_at().is_some() {
            return self.line_up(key, now);
        }
        record.stage = Stage::Idle(place);
        self.idle.insert(place, key.clone());
    }

    /// Puts a record that has something to write where it belongs.
    fn line_up(&mut self, key: &Arc<EventKey>, now: Instant) {
        let serial = self.place(now).1;
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        match record.due_at() {
            Some(at) if at > now => {
                record.stage = Stage::Waiting((at, serial));
                self.waiting.insert((at, serial), key.clone());
            }
            _ => {
                record.stage = Stage::Due;
                let (cluster, namespace) = key.group();
                self.due.push(cluster, namespace, key.clone());
            }
        }
    }

    /// Makes room for one more record, as `key`, if it may have it.
    fn make_room(&mut self, key: &EventKey, times: u32, now: Instant) -> Result<(), Lost> {
        let varied = Lost {
            loss: EventLoss::Varied,
            times,
        };
        if self.notes.get(&key.line()).is_some_and(|notes| *notes >= NOTES) {
            let rested = |other: &Arc<EventKey>| {
                other.is_of_line(key) && self.records.get(other).is_some_and(|record| record.is_rested(now))
            };
            let Some(oldest) = self.idle.values().find(|other| rested(other)).cloned() else {
                return Err(varied);
            };
            self.forget(&oldest);
        }
        if self.records.len() < self.most {
            return Ok(());
        }
        let displaced = self.idle.first_key_value().map(|(_, key)| key.clone());
        let displaced = displaced
            .or_else(|| self.due.pop_of_most())
            .or_else(|| self.waiting.last_key_value().map(|(_, key)| key.clone()));
        let times = displaced.map_or(0, |displaced| self.forget(&displaced));
        if times == 0 {
            return Ok(());
        }
        Err(Lost {
            loss: EventLoss::Crowded,
            times,
        })
    }

    /// Forgets a record that is not due and not in flight. Returns how many tellings are lost with it.
    fn forget(&mut self, key: &Arc<EventKey>) -> u32 {
        let Some(record) = self.records.remove(key) else {
            return 0;
        };
        match record.stage {
            Stage::Idle(place) => drop(self.idle.remove(&place)),
            Stage::Waiting(place) => drop(self.waiting.remove(&place)),
            Stage::Due | Stage::InFlight => {}
        }
        if let Some(notes) = self.notes.get_mut(&key.line()) {
            *notes -= 1;
            if *notes == 0 {
                self.notes.remove(&key.line());
            }
        }
        record.at_stake()
    }

    fn place(&mut self, now: Instant) -> Place {
        self.places += 1;
        (now, self.places)
    }
}

#[cfg(test)]
mod tests;
