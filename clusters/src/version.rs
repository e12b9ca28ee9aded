//! What an API server says of its own version.

use serde::Deserialize;

use crate::{Cause, Cluster, Error, Verb, cluster::Call, error::Subject, url::Path};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

/// The longest that is taken: what a server says is shown to people.
const LONGEST: usize = 63;

// === impl Cluster ===

impl Cluster {
    /// The version of the API server, such as `v1.37.0`.
    pub async fn version(&self) -> Result<Box<str>, Error> {
        let call = Call::get(Subject::server(Verb::Discover), Path::fixed("/version"));
        let reply = self.call(&call).await?;
        let version: Version = serde_json::from_slice(&reply.body)
            .map_err(|error| self.error(&call, Cause::decode("the version", &error)))?;
        let shown = version.git_version.chars().filter(|char| !char.is_control());
        Ok(shown.take(LONGEST).collect::<String>().into())
    }
}

#[cfg(test)]
mod tests {
    use crate::scripted::{Answer, Script};

    #[tokio::test(start_paused = true)]
    async fn a_server_says_its_version_and_a_hostile_one_is_cut_short() {
        let long = format!(r#"{{"major":"1","gitVersion":"v1\n{}"}}"#, "9".repeat(1000));
        let script = Script::of([
            Answer::json(r#"{"major":"1","minor":"37","gitVersion":"v1.37.0"}"#),
            Answer::json(long),
            Answer::json("[]"),
            Answer::status(401, "Unauthorized"),
        ]);
        let cluster = script.cluster();
        assert_eq!(&*cluster.version().await.unwrap(), "v1.37.0");
        assert_eq!(*cluster.version().await.unwrap(), *format!("v1{}", "9".repeat(61)));
        assert!(cluster.version().await.is_err());
        assert!(cluster.version().await.is_err());
        assert_eq!(script.lines(), ["GET /version"; 4]);
    }
}
