//! What an API server serves.

mod aggregated;
mod follow;
mod open_api;
mod served;
mod slow;

use bytes::Bytes;
pub use served::{Served, ServedResource};

use crate::{
    Cause, Cluster, Error, Next, Verb,
    cluster::{Call, JSON},
    error::Subject,
    url::Path,
};

/// Everything in two requests, since Kubernetes 1.26; a server that does not know it answers the second form.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

// === impl Cluster ===

impl Cluster {
    /// Asks what is served: in two requests where the server can, else with one request per group and version.
    pub async fn discover(&self) -> Result<Served, Error> {
        let mut served = Served::default();
        for root in ["/api", "/apis"] {
            match self.ask(root, AGGREGATED).await {
                Ok(body) => self.read_root(root, &body, &mut served).await?,
                // A virtual workspace need not have a core group.
                Err(error) if matches!(error.next(), Next::Unserved | Next::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(served)
    }

    async fn read_root(&self, root: &str, body: &Bytes, served: &mut Served) -> Result<(), Error> {
        if aggregated::read(body, served)
            .map_err(|error| self.undiscoverable(&Cause::decode("the discovery document", &error)))?
        {
            return Ok(());
        }
        let versions = slow::versions(root, body)
            .map_err(|error| self.undiscoverable(&Cause::decode("the discovery document", &error)))?;
        for version in versions {
            let answer = self.ask(&version.path(), JSON).await;
            match answer.map(|body| slow::read(&version, &body, served)) {
                Ok(Ok(())) => {}
                Err(error)
                    if error.is_unreachable() || matches!(error.next(), Next::Reauthenticate | Next::Wait(_)) =>
                {
                    return Err(error);
                }
                // One aggregated API server that is down must not hide what all others serve.
                Ok(Err(_)) | Err(_) => served.doubt(&version.group),
            }
        }
        Ok(())
    }

    async fn ask(&self, path: &str, accept: &'static str) -> Result<Bytes, Error> {
        let call = Call {
            accept,
            ..Call::get(Subject::server(Verb::Discover), Path::fixed(path))
        };
        self.call(&call).await.map(|reply| reply.body)
    }

    fn undiscoverable(&self, cause: &Cause) -> Error {
        Error::new(&self.shared().name, Subject::server(Verb::Discover), cause.clone())
    }
}

#[cfg(test)]
mod tests;
