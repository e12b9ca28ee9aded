//! The syncer beside a bare write loop, on the same real API servers in one run. `cargo bench --bench throughput`.
//!
//! The bare loop is the limit of the machine: the same client applies ready-made bodies that carry the same marks, with the same
//! number in flight, and does nothing else. Both take turns, three times; the medians count. What the numbers mean, and what
//! they were, is in `docs/benchmarks.md`.
//!
//! Arguments after `--`: the kinds (`configmaps`, `deployments`; without any, both) and
//! `--objects=N`, the number of objects in one turn; `--no-restarts` leaves out what restarts and memory take, which are minutes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench: what fails ends it, indexing into JSON included, and what it finds is told on stdout"
)]

mod arrivals;
mod bed;
mod edited;
mod kind;
mod latency;
mod memory;
mod numbers;
mod rollout;
mod turns;
mod usage;

use syncer_harness::{Program, Testbed};

use self::{
    bed::{Bed, Bench},
    kind::Kind,
    memory::Restart,
    turns::Turns,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without this argument, which `cargo bench` passes, somebody only asks whether it starts.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    if let Err(missing) = Testbed::locate().require(&[Program::Etcd, Program::KubeApiserver]) {
        eprintln!("nothing is measured: {missing}");
        return;
    }
    let named: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| arguments.iter().any(|argument| argument == kind.name()))
        .collect();
    let objects = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--objects=")?.parse().ok());
    let restarts = if arguments.iter().any(|argument| argument == "--no-restarts") {
        Restarts::LeftOut
    } else {
        Restarts::Measured
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let kinds = if named.is_empty() { Kind::ALL.to_vec() } else { named };
    for kind in kinds {
        // Servers of its own, so that no kind pays for what another left.
        let bed = Bed::start();
        runtime.block_on(measure(&bed, kind, objects.unwrap_or(kind.objects()), restarts));
    }
}

/// Whether the syncer is restarted, which tells of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restarts {
    /// It is.
    Measured,
    /// It is not.
    LeftOut,
}

async fn measure(bed: &Bed, kind: Kind, objects: usize, restarts: Restarts) {
    println!("== {objects} {} to two targets", kind.name());
    let bench = bed.bench(kind).await;
    let one = memory::baseline(&bench).await;
    let mut turns = Turns::default();
    turns.take(&bench, 1, objects).await;
    let some = restarted(&bench, restarts, 1).await;
    turns.take(&bench, 2, objects).await;
    turns.take(&bench, 3, objects).await;
    let many = restarted(&bench, restarts, 3).await;
    turns.report();
    if let (Some(some), Some(many)) = (some, many) {
        memory::report(one, &some, &many);
    }
    latency::measure(&bench).await;
    rollout::measure(&bench, objects).await;
    edited::measure(&bench).await;
}

async fn restarted(bench: &Bench<'_>, restarts: Restarts, mark: u64) -> Option<[Restart; 2]> {
    match restarts {
        Restarts::Measured => Some(memory::restarts(bench, mark).await),
        Restarts::LeftOut => None,
    }
}
