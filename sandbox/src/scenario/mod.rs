//! What happens to a fleet: a script, drawn from a seed, that a demonstration or a simulation carries out.
//!
//! A [`Plan`] and its seed give one [`Script`], byte for byte; [`Script::carry_out`] does one step of it, and [`findings`] is what is there
//! when all has come to rest. What a person does goes through a [`Hand`](crate::Hand), so that no fault hides it.

mod act;
mod body;
mod carry_out;
mod differences;
mod draft;
mod findings;
mod kind;
mod plan;
mod secrecy;
mod trouble;

pub use self::{
    act::{Act, ObjectName, Script, Step},
    carry_out::Done,
    differences::differences,
    findings::{findings, pruned},
    kind::Kind,
    plan::{Chaos, Plan, Team},
    secrecy::{secret_shown_on, shows_a_secret},
    trouble::Trouble,
};

#[cfg(test)]
mod tests;
