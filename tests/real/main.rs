//! End-to-end tests on real control planes. What arrives is read from the clusters, never from our log.

mod testbed;
