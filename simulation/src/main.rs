//! `cargo xtask simulate`: many schedules, one after the other.

#![expect(clippy::print_stdout, reason = "a command that talks to a person at a terminal")]

use std::{io, process::ExitCode, time::Instant};

use clap::Parser;
use syncer_simulation::{Schedule, Telling, simulate};

/// Simulates the whole syncer under seeded edits and faults, and checks every invariant at every step.
#[derive(Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many schedules, each with the next seed
    #[arg(long, default_value_t = 100)]
    schedules: u64,
    /// Go on after a schedule that breaks an invariant
    #[arg(long)]
    keep_going: bool,
    /// Tell every step, every request and the syncer's log, on stderr
    #[arg(long, short)]
    verbose: bool,
    /// Say nothing of schedules that pass
    #[arg(long, short)]
    quiet: bool,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let (start, mut passed, mut broken, mut requests) = (Instant::now(), 0_u64, 0_u64, 0_u64);
    for seed in (0..arguments.schedules).map(|number| arguments.seed.wrapping_add(number)) {
        let outcome = simulate(&Schedule {
            telling: if arguments.verbose {
                Telling::Everything
            } else {
                Telling::Silent
            },
            ..Schedule::of_seed(seed)
        })?;
        requests += outcome.requests;
        match &outcome.broken {
            None => {
                passed += 1;
                if !arguments.quiet {
                    println!(
                        "seed {seed}: {} steps, {} requests, {} writes (at most {} in a row to one object changed nothing), {:.0} simulated seconds, trace {:016x}",
                        outcome.steps,
                        outcome.requests,
                        outcome.writes,
                        outcome.most_idle_writes,
                        outcome.simulated.as_secs_f64(),
                        outcome.trace
                    );
                }
            }
            Some(what) => {
                broken += 1;
                println!("seed {seed}: {what}\n  again: cargo xtask simulate --seed {seed} --schedules 1 --verbose");
                if !arguments.keep_going {
                    break;
                }
            }
        }
    }
    println!(
        "{passed} schedules passed, {broken} broke an invariant; {requests} requests in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
