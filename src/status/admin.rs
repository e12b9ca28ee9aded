//! A running syncer's admin pages, read by somebody who does not know who answers.

use std::{fmt, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, Uri, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};

use super::{
    metrics,
    report::{Report, Syncer},
};

/// From the connection to the last byte of an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The largest page that is read, in bytes: ten thousand actors, or the metrics of as many targets, take less.
const LARGEST_PAGE: usize = 32 << 20;

/// The deepest tree that is looked through; ours has four levels.
const DEEPEST_TREE: usize = 16;

/// Where a syncer's admin server is.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    authority: String,
    host_and_port: String,
    prefix: String,
}

/// The address cannot be one of an admin server.
#[derive(Debug, thiserror::Error)]
#[error("--admin {address}: {cause}; write it as http://127.0.0.1:8085")]
pub(crate) struct WrongAddress {
    address: String,
    cause: &'static str,
}

/// Why a page could not be read.
#[derive(Debug)]
pub(super) struct Unread {
    address: String,
    path: &'static str,
    cause: String,
}

/// A page as it came.
struct Page {
    status: u16,
    text: String,
}

/// What of an actor is looked at.
#[derive(Debug, Deserialize)]
struct ActorView {
    kind: String,
    key: String,
    state: String,
    #[serde(default)]
    children: Vec<ActorView>,
}

// === impl Admin ===

impl Admin {
    /// The server at `address`: a URL, or a host and a port.
    pub(super) fn at(address: &str) -> Result<Self, WrongAddress> {
        let wrong = |cause| WrongAddress {
            address: address.to_owned(),
            cause,
        };
        let full = if address.contains("://") {
            address.to_owned()
        } else {
            format!("http://{address}")
        };
        let uri: Uri = full.parse().map_err(|_| wrong("is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("the admin server speaks plain HTTP"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(wrong("names no host"));
        }
        Ok(Self {
            authority: authority.as_str().to_owned(),
            host_and_port: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Puts into `report` what the syncer there says of itself.
    pub(super) async fn read(&self, report: &mut Report) -> Result<(), Unread> {
        // One after the other: the server keeps few connections, and each waits for its end.
        let ready = self.page("/readyz?verbose").await?;
        let metrics = self.page("/metrics").await?;
        let actors = self.page("/debug/actors?children=1000").await?;
        report.syncer = Some(Syncer {
            address: format!("http://{}{}", self.authority, self.prefix),
            ready: ready.status == 200,
            waiting_for: unmet(&ready.text),
            actors: std::collections::BTreeMap::new(),
            restarts: 0,
        });
        if metrics.status != 200 || metrics::add(report, &metrics.text) == 0 {
            return Err(self.unread("/metrics", format!("answered {} without metrics", metrics.status)));
        }
        // While it ends there is no tree.
        if actors.status == 200 {
            let tree: ActorView = serde_json::from_str(&actors.text)
                .map_err(|error| self.unread("/debug/actors", format!("is no tree of actors: {error}")))?;
            note_states(report, &tree, 0);
        }
        Ok(())
    }

    async fn page(&self, path: &'static str) -> Result<Page, Unread> {
        match timeout(ANSWER_WITHIN, self.ask(path)).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(error)) => Err(self.unread(path, error.to_string())),
            Err(_) => Err(self.unread(path, format!("no whole answer within {ANSWER_WITHIN:?}"))),
        }
    }

    async fn ask(&self, path: &str) -> Result<Page, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.host_and_port).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::get(format!("{}{path}", self.prefix))
            .header(HOST, &self.authority)
            .body(Empty::<Bytes>::new())?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), LARGEST_PAGE)
                .collect()
                .await?
                .to_bytes();
            let text = String::from_utf8(body.into()).map_err(|_| "the answer is no text")?;
            Ok(Page { status, text })
        };
        let answer = answer.await;
        connection.abort();
        answer
    }

    fn unread(&self, path: &'static str, cause: String) -> Unread {
        Unread {
            address: format!("http://{}{}", self.authority, self.prefix),
            path,
            cause,
        }
    }
}

/// The conditions of readiness that are not met, by name.
fn unmet(verbose: &str) -> Vec<String> {
    let lines = verbose.lines().filter_map(|line| line.strip_prefix("[-]"));
    lines
        .map(|line| line.strip_suffix(" failed").unwrap_or(line).to_owned())
        .collect()
}

fn note_states(report: &mut Report, actor: &ActorView, depth: usize) {
    if depth > DEEPEST_TREE {
        return;
    }
    if actor.kind == "Target" {
        report.target(&actor.key).state = Some(actor.state.clone());
    }
    for child in &actor.children {
        note_states(report, child, depth + 1);
    }
}

// === impl Unread ===

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, path, cause } = self;
        write!(
            f,
            "admin server {address}: {path}: {cause}; give --admin the --admin-address of a running syncer"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_host_and_a_port() {
        for (address, host, prefix) in [
            ("127.0.0.1:8085", "127.0.0.1:8085", ""),
            ("http://localhost:1/", "localhost:1", ""),
            ("http://[::1]:8085", "[::1]:8085", ""),
            ("http://proxy/syncer/", "proxy:80", "/syncer"),
        ] {
            let admin = Admin::at(address).unwrap();
            assert_eq!((admin.host_and_port.as_str(), admin.prefix.as_str()), (host, prefix));
        }
        for address in [
            "https://127.0.0.1:8085",
            "",
            "http://",
            "a b",
            "http://u:p@h:1",
            "ftp://h",
        ] {
            let error = Admin::at(address).unwrap_err().to_string();
            assert!(error.contains("write it as http://127.0.0.1:8085"), "{error}");
        }
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let verbose = "[+]upstream ok\n[-]target west failed\nreadyz check failed\n";
        assert_eq!(unmet(verbose), ["target west"]);
        assert_eq!(unmet("ok"), Vec::<String>::new());
    }
}
