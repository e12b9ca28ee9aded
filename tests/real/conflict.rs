//! Objects that both sides change: the strategies that let a target have its say.

mod autoscaler;
mod cells;
mod chaos;
mod clocks;
mod custom;
mod figures;
mod finer;
mod merge;
mod pull;
mod stage;
mod thing;
mod trio;
mod write_back;
