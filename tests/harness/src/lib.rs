//! Starts the control planes of the test bed, and the syncer, for end-to-end tests.
//!
//! Blocking and small on purpose: a test reads from top to bottom, and `xtask`, the first thing that a newcomer builds,
//! needs no async runtime. A thing that cannot be started is a failed test: the functions here panic with what they tried
//! and the end of the logs instead of returning errors that every test would unwrap.
//!
//! Every child process ends with the process that started it, however that one ends ([`Process`]).

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a library for tests: its way to report is a failed test, with the end of the logs on stderr"
)]

mod api_server;
mod audit;
mod client;
mod controllers;
mod etcd;
mod fail;
mod go_between;
mod image_root;
mod kcp;
mod kubeconfig;
mod kwok;
mod names;
mod pki;
mod ports;
mod process;
mod request_counts;
mod scratch;
mod syncer;
mod testbed;
mod wait;
mod workload_schemas;

pub use api_server::{ApiServer, ApiServerOptions, Backup, Controllers, User};
pub use audit::{Audit, AuditEvent};
pub use client::{Client, Patch, Reply};
pub use controllers::{ControllerManager, Scheduler};
pub use fail::OrFail;
pub use go_between::{Asked, Fate, GoBetween};
pub use image_root::ImageRoot;
pub use kcp::Kcp;
pub use kubeconfig::{Credentials, Kubeconfig};
pub use kwok::Kwok;
pub use names::target_key;
pub use pki::{Authority, KeyPairPem};
pub use ports::free_port;
pub use process::{Exit, FailureReport, NotReady, Process};
pub use request_counts::{RequestCounts, RequestKind};
pub use scratch::Scratch;
pub use syncer::Syncer;
pub use testbed::{Missing, Module, Program, Testbed};
pub use wait::{Attempt, poll, stays, wait_for};
pub use workload_schemas::{WORKLOAD_TYPES, WorkloadType};
