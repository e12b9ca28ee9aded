//! How the syncer talks to API servers; the only crate that names kube.
