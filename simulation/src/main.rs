//! `cargo xtask simulate`: many schedules, one after the other.

#![expect(clippy::print_stdout, reason = "a command that talks to a person at a terminal")]

use std::{io, process::ExitCode, time::Instant};

use clap::Parser;
use syncer_simulation::{Schedule, Telling, simulate, simulate_gone};

/// Simulates the whole syncer under seeded edits and faults, and checks every invariant at every step.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of a command line")]
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
    /// Deletions under rules that change, instead of schedules: each delete is held against the world itself
    #[arg(long)]
    gone: bool,
    /// Say nothing of schedules that pass
    #[arg(long, short)]
    quiet: bool,
}

// === impl Arguments ===

impl Arguments {
    fn telling(&self) -> Telling {
        if self.verbose {
            Telling::Everything
        } else {
            Telling::Silent
        }
    }
}

/// Worlds of deletions, one after the other.
fn gone(arguments: &Arguments) -> io::Result<ExitCode> {
    let (start, mut broken) = (Instant::now(), 0_u64);
    let (mut issued, mut refused, mut in_passing) = (0_u64, 0_u64, 0_u64);
    for seed in (0..arguments.schedules).map(|number| arguments.seed.wrapping_add(number)) {
        let gone = simulate_gone(seed, arguments.telling())?;
        issued += gone.deletes.issued;
        refused += gone.deletes.refused;
        in_passing += gone.deletes.in_passing;
        match &gone.broken {
            None if arguments.quiet => {}
            None => println!(
                "seed {seed}: {} requests, {} deletes, {} refused, {:.0} simulated seconds",
                gone.requests,
                gone.deletes.issued,
                gone.deletes.refused,
                gone.simulated.as_secs_f64()
            ),
            Some(what) => {
                broken += 1;
                println!(
                    "seed {seed}: {what}\n  again: cargo xtask simulate --gone --seed {seed} --schedules 1 --verbose"
                );
                if !arguments.keep_going {
                    break;
                }
            }
        }
    }
    println!(
        "{issued} deletes issued, {in_passing} of them within moments of a change, {refused} refused; {broken} worlds broke an invariant; \
         {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.gone {
        return gone(&arguments);
    }
    let (start, mut passed, mut broken, mut requests) = (Instant::now(), 0_u64, 0_u64, 0_u64);
    for seed in (0..arguments.schedules).map(|number| arguments.seed.wrapping_add(number)) {
        let outcome = simulate(&Schedule {
            telling: arguments.telling(),
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
