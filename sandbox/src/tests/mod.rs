//! The server as a client meets it: requests through the tower service.

mod client;
mod conflict;
mod deletion;
mod faults;
mod kcp;
mod lists;
mod objects;
mod ownership;
mod size;
mod transport;
mod watches;
mod workloads;
