//! Objects on their way from the upstream to the targets.

mod flow;
mod foreign;
mod kinds;
mod lifecycle;
mod restored;
mod shared;
mod trouble;
