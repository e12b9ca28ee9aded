//! SyncTargets and SyncPolicies as objects of a plain upstream, and kubeconfigs in Secrets of it.

mod come_and_go;
mod kubeconfigs;
mod namespaces;
mod replaced;
mod scene;
mod standing;
