//! Objects that both sides change: the strategies that let a target have its say.

mod custom;
mod merge;
mod write_back;
