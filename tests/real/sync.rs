//! Objects on their way from the upstream to the targets.

mod flow;
mod foreign;
mod lifecycle;
mod shared;
mod trouble;
