//! Installing it: the chart in Helm's own eyes, on a real API server, and run as its pod would be.

mod chart;
mod helm;
mod node;
mod page;
mod plain;
mod pod;
mod release;
mod values;
