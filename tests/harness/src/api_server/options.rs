//! How an API server is started.

use std::fmt::Write as _;

use super::ADMIN;
use crate::{ApiServer, Audit, Authority, Scratch, pki};

/// The file of the audit log.
pub(super) const AUDIT_LOG: &str = "audit.log";

/// What to start.
#[derive(Clone)]
pub struct ApiServerOptions {
    pub(super) name: String,
    pub(super) controllers: Controllers,
    pub(super) users: Vec<User>,
    pub(super) audit: Audit,
    pub(super) flags: Vec<String>,
}

/// What works on the objects of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controllers {
    /// Nothing: enough to hold objects. Namespaces never end.
    None,
    /// Namespaces end, and what belongs to deleted objects goes.
    Namespaces,
    /// Deployments make pods, which get ready on a played node: all that a workload needs.
    Workload,
}

/// A user with a token of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    groups: Vec<String>,
}

// === impl ApiServerOptions ===

impl Default for ApiServerOptions {
    fn default() -> Self {
        Self {
            name: "api-server".to_owned(),
            controllers: Controllers::None,
            users: Vec::new(),
            audit: Audit::Writes,
            flags: Vec::new(),
        }
    }
}

impl ApiServerOptions {
    /// Calls it `name` in the names of its files.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Starts `controllers` beside it.
    #[must_use]
    pub fn controllers(mut self, controllers: Controllers) -> Self {
        self.controllers = controllers;
        self
    }

    /// Knows `user` too.
    #[must_use]
    pub fn user(mut self, user: &User) -> Self {
        self.users.push(user.clone());
        self
    }

    /// Logs `audit` instead of the writes.
    #[must_use]
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    /// Passes `flag` to kube-apiserver, such as `--enable-admission-plugins=AlwaysPullImages`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(self) -> ApiServer {
        ApiServer::start_with(self)
    }
}

// === impl User ===

impl User {
    /// A user who may do nothing until [`ApiServer::grant`] allows it.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: Vec::new(),
        }
    }

    /// A user who may do everything.
    pub fn admin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec!["system:masters".to_owned()],
        }
    }

    /// A user of `group`, who may do what that is allowed.
    pub fn of_group(name: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec![group.to_owned()],
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The token.
    pub fn token(&self) -> String {
        format!("token-of-{}", self.name)
    }

    /// Its line in the token file.
    fn line(&self) -> String {
        let mut line = format!("{},{},{}", self.token(), self.name, self.name);
        if !self.groups.is_empty() {
            // A write to a string cannot fail.
            let _ = write!(line, ",\"{}\"", self.groups.join(","));
        }
        line
    }
}

/// The arguments that stay the same on another port. Writes the files that they name.
pub(super) fn arguments(
    options: &ApiServerOptions,
    scratch: &Scratch,
    authority: &Authority,
    etcd: &str,
) -> Vec<String> {
    let server = authority.server();
    let tokens: String = [User::admin(ADMIN)]
        .iter()
        .chain(&options.users)
        .map(|user| user.line() + "\n")
        .collect();
    let file = |name: &str, content: &str| scratch.write(name, content).display().to_string();
    let (signing_key, public_key) = pki::signing_key();
    let ca = file("ca.crt", &authority.certificate());
    let mut arguments = vec![
        format!("--etcd-servers={etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", scratch.path().join("certificates").display()),
        format!("--tls-cert-file={}", file("server.crt", &server.certificate)),
        format!("--tls-private-key-file={}", file("server.key", &server.key)),
        format!("--client-ca-file={ca}"),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "--service-account-key-file={}",
            file("service-account.pub", &public_key)
        ),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account.key", &signing_key)
        ),
        format!("--token-auth-file={}", file("tokens.csv", &tokens)),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        // An orderly end waits a minute for watches that nobody ends.
        "--shutdown-watch-termination-grace-period=1s".to_owned(),
    ];
    if options.controllers != Controllers::Workload {
        // Nothing makes the service account that every pod would have to name.
        arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    if let Some(policy) = options.audit.policy() {
        arguments.push(format!("--audit-policy-file={}", file("audit.yaml", &policy)));
        arguments.push(format!("--audit-log-path={}", scratch.path().join(AUDIT_LOG).display()));
    }
    arguments.extend(options.flags.iter().cloned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_groups_has_none_in_the_token_file() {
        assert_eq!(User::new("u").line(), "token-of-u,u,u");
        assert_eq!(User::admin("a").line(), "token-of-a,a,a,\"system:masters\"");
    }
}
