//! Starts the control planes of the test bed for end-to-end tests.
