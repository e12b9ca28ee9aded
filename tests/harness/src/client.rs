//! Plain HTTP calls to an API server, as a test sees it.

use std::{sync::Arc, time::Duration};

use rustls::crypto::ring;
use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{Method, Request, Response, header, request::Builder},
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use crate::{Credentials, Kubeconfig, OrFail};

/// How long one call may take, connecting included.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(3);

/// Bodies above this are cut off as an error, not read.
const LARGEST_BODY: u64 = 512 * 1024 * 1024;

/// Calls one API server as one user. Cheap to clone.
///
/// Paths start with `/`; bodies are JSON. Methods named like verbs fail the test on an answer that is not a success.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    server: String,
    token: Option<String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The body as it came.
    pub text: String,
}

/// A change to an object, in one of the forms that API servers take.
#[derive(Clone, Copy, Debug)]
pub enum Patch<'a> {
    /// A list of operations (RFC 6902).
    Json(&'a Value),
    /// The fields that change, with null for what goes (RFC 7386).
    Merge(&'a Value),
    /// As `Merge`, with keyed lists merged by key.
    Strategic(&'a Value),
    /// What the manager wants to hold, by server-side apply; conflicts are errors.
    Apply {
        /// The field manager.
        manager: &'a str,
        /// The object, as far as the manager has an opinion.
        body: &'a Value,
    },
    /// As `Apply`, taking the fields from their owners.
    ForceApply {
        /// The field manager.
        manager: &'a str,
        /// The object, as far as the manager has an opinion.
        body: &'a Value,
    },
}

// === impl Client ===

impl Client {
    /// A client for what `kubeconfig` says.
    ///
    /// # Panics
    /// When a certificate in it cannot be read.
    pub fn new(kubeconfig: &Kubeconfig) -> Self {
        Self::within(kubeconfig, Some(TIMEOUT))
    }

    /// One whose calls may last as long as they like, as a watch does.
    pub(crate) fn patient(kubeconfig: &Kubeconfig) -> Self {
        Self::within(kubeconfig, None)
    }

    fn within(kubeconfig: &Kubeconfig, timeout: Option<Duration>) -> Self {
        // kcp's file holds a chain.
        let authorities: Vec<_> = parse_pem(kubeconfig.authority.as_bytes())
            .filter_map(|item| match item.or_fail("read the authority") {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        let mut tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&authorities));
        let mut token = None;
        match &kubeconfig.credentials {
            Credentials::Token(value) => token = Some(format!("Bearer {value}")),
            Credentials::Certificate(pair) => tls = tls.client_cert(Some(client_certificate(pair))),
            Credentials::Anonymous => {}
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent("test")
            .timeout_global(timeout)
            .max_idle_age(IDLE)
            .build()
            .new_agent();
        Self {
            agent,
            server: kubeconfig.server.clone(),
            token,
        }
    }

    /// One call with its answer as it comes, in the name of whoever asks if that says who it is: for whoever stands between.
    pub(crate) fn forward(&self, request: Builder, target: &str, body: Vec<u8>) -> Result<Response<Body>, ureq::Error> {
        let mut request = request.uri(format!("{}{target}", self.server));
        let says_who = request
            .headers_ref()
            .is_some_and(|headers| headers.contains_key(header::AUTHORIZATION));
        if let Some(token) = &self.token
            && !says_who
        {
            request = request.header(header::AUTHORIZATION, token);
        }
        if body.is_empty() {
            return self.agent.run(request.body(())?);
        }
        self.agent.run(request.body(body)?)
    }

    /// One call with any answer; the error says why there is none.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Reply, String> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let answer = match body {
            None => self.agent.run(request.body(()).map_err(|error| error.to_string())?),
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, content_type);
                self.agent
                    .run(request.body(body.to_string()).map_err(|error| error.to_string())?)
            }
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(LARGEST_BODY).read_to_string();
        Ok(Reply {
            status,
            text: text.map_err(|error| error.to_string())?,
        })
    }

    /// One call with any answer.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, path, "application/json", body)
            .or_fail(&format!("{method} {path}"))
    }

    /// The object or list at `path`; none if it is not there.
    #[track_caller]
    pub fn get(&self, path: &str) -> Option<Value> {
        let reply = self.call("GET", path, None);
        if reply.status == 404 {
            return None;
        }
        Some(reply.success("GET", path))
    }

    /// The object or list at `path`, which must be there.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        self.call("GET", path, None).success("GET", path)
    }

    /// The items of the list at `path`.
    #[track_caller]
    pub fn items(&self, path: &str) -> Vec<Value> {
        let mut list = self.read(path);
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => panic!("GET {path}: no list in {list}"),
        }
    }

    /// Creates `object` in the collection at `path`.
    #[track_caller]
    pub fn create(&self, path: &str, object: &Value) -> Value {
        self.call("POST", path, Some(object)).success("POST", path)
    }

    /// Replaces the object at `path`.
    #[track_caller]
    pub fn replace(&self, path: &str, object: &Value) -> Value {
        self.call("PUT", path, Some(object)).success("PUT", path)
    }

    /// Changes the object at `path`.
    #[track_caller]
    pub fn patch(&self, path: &str, change: Patch<'_>) -> Value {
        self.try_patch(path, change).success("PATCH", path)
    }

    /// Changes the object at `path`, with any answer.
    #[track_caller]
    pub fn try_patch(&self, path: &str, change: Patch<'_>) -> Reply {
        let (content_type, query, body) = match change {
            Patch::Json(body) => ("application/json-patch+json", String::new(), body),
            Patch::Merge(body) => ("application/merge-patch+json", String::new(), body),
            Patch::Strategic(body) => ("application/strategic-merge-patch+json", String::new(), body),
            Patch::Apply { manager, body } => ("application/apply-patch+yaml", format!("fieldManager={manager}"), body),
            Patch::ForceApply { manager, body } => (
                "application/apply-patch+yaml",
                format!("fieldManager={manager}&force=true"),
                body,
            ),
        };
        let joint = match (query.is_empty(), path.contains('?')) {
            (true, _) => "",
            (false, false) => "?",
            (false, true) => "&",
        };
        let target = format!("{path}{joint}{query}");
        self.try_call("PATCH", &target, content_type, Some(body))
            .or_fail(&format!("PATCH {target}"))
    }

    /// Deletes the object at `path`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Value {
        self.call("DELETE", path, None).success("DELETE", path)
    }
}

// === impl Reply ===

impl Reply {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Whether the call was carried out.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    #[track_caller]
    fn success(self, method: &str, path: &str) -> Value {
        assert!(
            self.is_success(),
            "{method} {path}: answered {}: {}",
            self.status,
            self.text
        );
        self.json()
    }
}

fn client_certificate(pair: &crate::KeyPairPem) -> ClientCert {
    let certificate = Certificate::from_pem(pair.certificate.as_bytes()).or_fail("read the client certificate");
    let key = PrivateKey::from_pem(pair.key.as_bytes()).or_fail("read the client key");
    ClientCert::new_with_certs(&[certificate], key)
}
