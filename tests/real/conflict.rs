//! Objects that both sides change: the strategies that let a target have its say.

mod cells;
mod custom;
mod merge;
mod stage;
mod write_back;
