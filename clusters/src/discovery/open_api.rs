//! The OpenAPI document of a group and version.

use bytes::Bytes;
use syncer_core::Gvr;

use crate::{
    Cause, Cluster, Error, Verb,
    cluster::{Call, JSON},
    error::Subject,
    url::Path,
};

/// The largest document that is read, in bytes: its tree takes many times as much.
const LARGEST: usize = 16 << 20;

impl Cluster {
    /// The OpenAPI document (version 3, JSON) that describes the group and version of `gvr`. Every user who may ask what is served may
    /// ask for it. An error where it is not served, is larger than 16 MiB, or may not be read.
    pub async fn open_api(&self, gvr: &Gvr) -> Result<Bytes, Error> {
        let root = if gvr.group().is_empty() {
            "/openapi/v3/api"
        } else {
            "/openapi/v3/apis"
        };
        let mut path = Path::fixed(root);
        if !gvr.group().is_empty() {
            path = path.below(gvr.group());
        }
        let call = Call {
            accept: JSON,
            ..Call::get(Subject::server(Verb::Discover), path.below(gvr.version()))
        };
        let reply = self.call(&call).await?;
        if reply.body.len() > LARGEST {
            let cause = Cause::TooLarge(LARGEST);
            return Err(Error::new(&self.shared().name, Subject::server(Verb::Discover), cause));
        }
        Ok(reply.body)
    }
}
