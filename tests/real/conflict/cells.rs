//! Every cell of the table of strategies, for each of the four kinds, on two targets, with kubectl as a person uses it.
//!
//! A cell is an object of its own, called by the row and the way: `both-upstream-later`, `only-downstream-scale`. All that does not hold is
//! collected, so that one failure does not hide the others.

mod edit;
pub(in crate::conflict) mod kind;
mod row;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};
use syncer_harness::{Patch, poll, wait_for};

use self::{
    edit::{Object, Way},
    kind::{KINDS, Kind, PLANTED, base64},
    row::{Act, Cell, Expected, Step, Strategy, Told, cells, made, taken_out},
};
use super::stage::{SIDES, Side, Stage, events};
use crate::objects::{SOON, text, uid};

/// By when all cells are as they should be: there are many at once.
const ALL_WITHIN: Duration = Duration::from_mins(3);

/// Surely more than what two clocks may be wrong by.
const APART: Duration = Duration::from_secs(4);

/// kubectls side by side.
const HANDS: usize = 4;

/// One strategy at work.
struct Table {
    stage: Stage,
    strategy: Strategy,
    cells: Vec<Cell>,
}

#[test]
fn upstream_wins_in_each_cell_of_the_table() {
    Table::start("cells-upstream", Strategy::UpstreamWins).plays();
}

#[test]
fn last_write_wins_in_each_cell_of_the_table() {
    Table::start("cells-last", Strategy::LastWriteWins).plays();
}

#[test]
fn merge_changes_in_each_cell_of_the_table() {
    Table::start("cells-merge", Strategy::MergeChanges).plays();
}

// === impl Table ===

impl Table {
    fn start(name: &'static str, strategy: Strategy) -> Self {
        let mut stage = Stage::new(name);
        let transforms: Vec<_> = KINDS.iter().flat_map(|kind| transforms(*kind)).collect();
        // Many objects are edited at once, each leaf once: nobody fights.
        stage.says(
            &json!({"strategy": strategy.name()}),
            &json!({"transforms": transforms}),
        );
        let cells = cells(strategy);
        let bodies: Vec<_> = cells
            .iter()
            .map(|cell| cell.object.kind.body(&cell.object.name))
            .collect();
        stage.apply(&bodies);
        stage.run();
        let table = Self { stage, strategy, cells };
        table.wait("to have arrived", |cell| {
            let created = table.looks(cell);
            let pointer = Way::Annotate.leaf(cell.object.kind).pointer;
            let there = created.iter().all(|object| text(object, pointer) == "v0");
            if there { Ok(()) } else { Err(format!("{created:?}")) }
        });
        table
    }

    fn plays(mut self) {
        let deleted: Vec<_> = self
            .cells
            .iter()
            .filter(|cell| cell.object.name == "deleted-downstream")
            .map(|cell| uid(&self.looks(cell)[1]).to_owned())
            .collect();
        self.all_hands(|table, cell| {
            if let Act::Watched(steps) = &cell.act {
                for step in steps {
                    step(&table.stage, &cell.object);
                }
            }
        });
        self.stage.syncer().pause();
        self.apart(|act| match act {
            Act::Apart(first, _) => Some(first),
            _ => None,
        });
        let_time_pass();
        self.apart(|act| match act {
            Act::Apart(_, then) => Some(then),
            _ => None,
        });
        self.ties();
        // A removal counts from when the syncer sees it: that, too, has to be surely later than the last edit.
        let_time_pass();
        self.stage.syncer().resume();

        self.holds("after the edits");
        let deleted = deleted.iter().zip(
            self.cells
                .iter()
                .filter(|cell| cell.object.name == "deleted-downstream"),
        );
        for (before, cell) in deleted {
            assert_ne!(uid(&self.looks(cell)[1]), *before, "{:?} was not deleted", cell.object);
        }
        self.tells();
        self.goes_on_after_the_same_on_both_sides();
        self.counted();
        self.stage.stays_quiet("after all cells");
        self.hides_secrets();
        self.stage.kill();
        self.stage.run();
        wait_for("a full look after the restart", SOON, || {
            let ready = self.stage.page("/readyz?verbose");
            if ready.contains("readyz check passed") || ready == "ok" {
                Ok(())
            } else {
                Err(ready)
            }
        });
        self.stage.stays_quiet("after a restart");
        self.holds("after a restart");
        self.hides_secrets();
    }

    /// What the upstream, east and west hold of a cell.
    fn looks(&self, cell: &Cell) -> [Value; 3] {
        let Object { kind, name } = &cell.object;
        SIDES.map(|side| kind.read(side.server(), self.stage.namespace(), name))
    }

    /// Waits until `look` is content with each cell; else names all with which it is not.
    #[track_caller]
    fn wait(&self, what: &str, look: impl Fn(&Cell) -> Result<(), String>) {
        let mut open: Vec<_> = self.cells.iter().collect();
        let done = poll(ALL_WITHIN, || {
            open.retain(|cell| look(cell).is_err());
            open.is_empty()
        });
        if done.is_ok() {
            return;
        }
        let wrong: Vec<_> = open
            .iter()
            .filter_map(|cell| {
                let seen = look(cell).err()?;
                Some(format!("{} {}: {seen}", cell.object.kind.name(), cell.object.name))
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{}: {} cells are not {what}:\n{}",
            self.strategy.name(),
            wrong.len(),
            wrong.join("\n")
        );
    }

    #[track_caller]
    fn holds(&self, when: &str) {
        self.wait(&format!("as they should be {when}"), |cell| self.looks_right(cell));
    }

    fn looks_right(&self, cell: &Cell) -> Result<(), String> {
        let seen = self.looks(cell);
        for Expected { pointer, at } in &cell.expected {
            let found = seen
                .each_ref()
                .map(|object| object.pointer(pointer).cloned().unwrap_or_default());
            if found != *at {
                return Err(format!("{pointer}: {found:?} instead of {at:?}"));
            }
        }
        let restarted = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
        if cell.object.kind == Kind::Deployment && cell.object.name == "foreign-metadata" {
            let found = seen.each_ref().map(|object| !text(object, restarted).is_empty());
            if found != [false, true, false] {
                return Err(format!("restarted: {found:?}"));
            }
        }
        let [upstream, east, _] = &seen;
        match &cell.told {
            Told::WrittenBack(way) => self.says_where_from(*way, cell, upstream, east),
            Told::Unclaimed(way) => {
                let leaf = way.leaf(cell.object.kind);
                let ours =
                    entries(east).find(|entry| entry["manager"] == "tmc-syncer" && entry["operation"] == "Apply");
                match ours.and_then(|entry| entry["fieldsV1"].pointer(leaf.fields)) {
                    Some(_) => Err(format!("{} is claimed", leaf.path)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// The annotation names the target and the time of the write there.
    fn says_where_from(&self, way: Way, cell: &Cell, upstream: &Value, east: &Value) -> Result<(), String> {
        let leaf = way.leaf(cell.object.kind);
        let annotation = text(upstream, "/metadata/annotations/workload.kcp.io~1written-back");
        let written: Value = serde_json::from_str(annotation).map_err(|error| format!("{annotation:?}: {error}"))?;
        let found = written
            .as_object()
            .into_iter()
            .flatten()
            .find(|(path, _)| path.ends_with(leaf.path));
        let Some((_, write)) = found else {
            return Err(format!("{} is not in {annotation}", leaf.path));
        };
        if write["target"] != *self.stage.target(Side::East) {
            return Err(format!("another target: {annotation}"));
        }
        let theirs = entries(east)
            .find(|entry| entry["manager"] != "tmc-syncer" && entry["fieldsV1"].pointer(leaf.fields).is_some());
        let there = theirs.map(|entry| text(entry, "/time").to_owned()).unwrap_or_default();
        let seconds = |time: &str| time.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
        // Who scales owns nothing: the time is that of the first sight.
        if there.is_empty() && way == Way::Scale && seconds(text(write, "/time")).is_ok() {
            return Ok(());
        }
        match (seconds(text(write, "/time")), seconds(&there)) {
            (Ok(said), Ok(there)) if said.abs_diff(there) <= 2 => Ok(()),
            _ => Err(format!("written at {there:?}, and {annotation}")),
        }
    }

    /// Lets several hands do `act` for all cells.
    fn all_hands(&self, act: impl Fn(&Self, &Cell) + Sync) {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..HANDS {
                scope.spawn(|| {
                    while let Some(cell) = self.cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                        act(self, cell);
                    }
                });
            }
        });
    }

    fn apart(&self, step: impl Fn(&Act) -> Option<&Step> + Sync) {
        self.all_hands(|table, cell| {
            if let Some(step) = step(&cell.act) {
                step(&table.stage, &cell.object);
            }
        });
    }

    /// Both sides write other values until the servers have written down the same second.
    fn ties(&mut self) {
        let stage = &self.stage;
        thread::scope(|scope| {
            for cell in &mut self.cells {
                if let Act::Tie(way) = cell.act {
                    scope.spawn(move || cell.expected = vec![tie(stage, &cell.object, way)]);
                }
            }
        });
    }

    /// Who is told what.
    fn tells(&self) {
        self.wait("told as they should be", |cell| {
            let Object { kind, name } = &cell.object;
            let said = events(self.stage.namespace(), kind.name(), name);
            let word = |reason: &str, path: &str| {
                let target = self.stage.target(Side::East);
                said.iter()
                    .any(|(of, note)| of == reason && note.contains(path) && note.contains(&target))
            };
            match &cell.told {
                Told::Event(reason, path) if !word(reason, path) => Err(format!("no {reason} of {path}: {said:?}")),
                Told::Nothing | Told::WrittenBack(_) | Told::Unclaimed(_)
                    if said
                        .iter()
                        .any(|(of, _)| ["Conflict", "DriftReverted", "FightDetected"].contains(&of.as_str())) =>
                {
                    Err(format!("too much: {said:?}"))
                }
                _ => Ok(()),
            }
        });
    }

    /// Both sides agree on what both wrote: what one of them changes then is a change of one side.
    fn goes_on_after_the_same_on_both_sides(&mut self) {
        for cell in &mut self.cells {
            if cell.object.name == "both-same" {
                let way = match cell.object.kind {
                    Kind::Deployment => Way::Set,
                    _ => Way::Patch,
                };
                way.change(&self.stage, Side::Upstream, &cell.object, 3, 8);
                let value = way.value(cell.object.kind, 8);
                for expected in &mut cell.expected {
                    expected.at = [value.clone(), value.clone(), value.clone()];
                }
            }
        }
        self.holds("after an edit of what both sides had changed to one value");
        self.tells();
    }

    /// The verdicts are counted, by strategy.
    fn counted(&self) {
        let count = |verdict: &str| {
            let verdict = format!("verdict=\"{verdict}\"");
            let strategy = match self.strategy {
                Strategy::UpstreamWins => "upstream_wins",
                Strategy::LastWriteWins => "last_write_wins",
                Strategy::MergeChanges => "merge_changes",
            };
            let strategy = format!("strategy=\"{strategy}\"");
            self.stage.counter("tmc_syncer_conflicts_total", &[&verdict, &strategy])
        };
        let told = |wanted: fn(&Told) -> bool| self.cells.iter().filter(|cell| wanted(&cell.told)).count() as u64;
        let of = |name: &str| self.cells.iter().filter(|cell| cell.object.name == name).count() as u64;
        let reverted = self.stage.counter("tmc_syncer_drift_total", &["action=\"reverted\""]);
        assert!(
            reverted >= told(|told| matches!(told, Told::Event("DriftReverted", _))),
            "{reverted} reverted"
        );
        let recreated = self.stage.counter("tmc_syncer_drift_total", &["action=\"recreated\""]);
        assert_eq!(recreated, of("deleted-downstream"), "recreated");
        assert_eq!(count("fight"), 0, "nobody fights");
        assert_eq!(count("unsettled"), 0, "all was settled");
        match self.strategy {
            Strategy::UpstreamWins => {
                assert_eq!(count("written_back") + count("downstream") + count("foreign_kept"), 0);
            }
            Strategy::LastWriteWins => {
                let least = told(|told| matches!(told, Told::WrittenBack(_)))
                    + of("only-downstream-removed")
                    + of("both-downstream-later")
                    + of("foreign-leaf");
                assert!(count("written_back") >= least, "{} of {least}", count("written_back"));
                assert_eq!(count("tie"), of("both-tie"), "ties");
            }
            Strategy::MergeChanges => {
                let least = told(|told| matches!(told, Told::Unclaimed(_))) + of("only-downstream-removed");
                assert!(count("downstream") >= least, "{} of {least}", count("downstream"));
                assert!(count("foreign_kept") >= of("foreign-leaf"));
                assert_eq!(count("written_back"), 0, "nothing goes upstream");
            }
        }
    }

    /// S8: no value of a Secret in the log, on a page, in an Event, or in anything of a Secret but its data.
    fn hides_secrets(&self) {
        let mut shown = vec![("the log", self.stage.syncer().log())];
        for page in [
            "/metrics",
            "/debug/actors?children=1000",
            "/debug/recent",
            "/debug/verdicts",
        ] {
            shown.push((page, self.stage.page(page)));
        }
        let namespace = self.stage.namespace();
        for side in SIDES {
            let client = side.server().client();
            let events = client.items(&format!("/api/v1/namespaces/{namespace}/events"));
            shown.push(("events", json!(events).to_string()));
            for mut secret in client.items(&format!("/api/v1/namespaces/{namespace}/secrets")) {
                secret["data"] = Value::Null;
                // Ours alone: what `kubectl apply` writes down is the person's.
                let last = "kubectl.kubernetes.io/last-applied-configuration";
                if let Some(annotations) = secret["metadata"]["annotations"].as_object_mut() {
                    annotations.remove(last);
                }
                shown.push(("a Secret", secret.to_string()));
            }
        }
        // Base64 from its start, without the end that depends on what follows.
        let coded: String = base64(PLANTED).chars().take(20).collect();
        for (place, content) in &shown {
            assert!(!content.contains(PLANTED), "a value in {place}");
            assert!(!content.contains(&coded), "a value in {place}, coded");
        }
    }
}

/// Between the times that servers write down, and not for the syncer, which looks away meanwhile.
#[track_caller]
fn let_time_pass() {
    let (since, first) = (Instant::now(), SystemTime::now());
    wait_for("time to pass", APART * 2, || since.elapsed() > APART);
    assert!(
        first.elapsed().is_ok_and(|passed| passed >= APART),
        "the clock was set back"
    );
}

/// What the policy makes of a kind, and what it takes out.
fn transforms(kind: Kind) -> [Value; 2] {
    let group = if kind == Kind::Deployment { "apps" } else { "" };
    let resources = json!([{"group": group, "resource": format!("{}s", kind.resource())}]);
    let (made, out) = (made(kind), taken_out(kind));
    [
        json!({"set": {"path": made.path, "value": made.down}, "resources": resources}),
        json!({"remove": [out.path], "resources": resources}),
    ]
}

/// The entries of managedFields.
fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

/// The time of the newest entry with `fields`.
fn written_at(object: &Value, fields: &str) -> String {
    let of = entries(object).filter(|entry| entry["fieldsV1"].pointer(fields).is_some());
    of.map(|entry| text(entry, "/time").to_owned())
        .max()
        .unwrap_or_default()
}

/// Writes both sides of `object` until both writes are of one second: the upstream's value stands.
///
/// Not by kubectl: on a busy machine two of them hardly ever start within a second.
fn tie(stage: &Stage, object: &Object, way: Way) -> Expected {
    let leaf = way.leaf(object.kind);
    let path = object.kind.path(stage.namespace(), &object.name);
    let write = |side: Side, n: u32| {
        let change = json!([{"op": "replace", "path": leaf.pointer, "value": way.value(object.kind, n)}]);
        let written = side.server().client().patch(&path, Patch::Json(&change));
        written_at(&written, leaf.fields)
    };
    let mut n = 0;
    let value = wait_for("two writes in one second", Duration::from_mins(3), || {
        n += 10;
        let (above, below) = (write(Side::Upstream, n), write(Side::East, n + 1));
        if above == below && !above.is_empty() {
            Ok(way.value(object.kind, n))
        } else {
            Err(format!("{above} and {below}"))
        }
    });
    Expected {
        pointer: leaf.pointer,
        at: [value.clone(), value.clone(), value],
    }
}
