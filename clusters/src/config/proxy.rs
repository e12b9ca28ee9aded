//! The proxy on the way to an API server, if any.

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::ConfigExt as _;

use super::{ClusterConfig, ConfigError};

/// The way to the server.
#[derive(Clone)]
pub(crate) enum Proxy {
    /// Directly.
    None,
    /// Through a proxy that takes CONNECT in the clear.
    Http {
        uri: Uri,
        authorization: Option<HeaderValue>,
    },
    /// Through a proxy that takes CONNECT within TLS.
    Https {
        uri: Uri,
        authorization: Option<HeaderValue>,
    },
    /// Through a SOCKS 5 proxy.
    Socks5(Uri),
}

// === impl Proxy ===

impl Proxy {
    /// The kubeconfig's `proxy-url`; without one what `HTTPS_PROXY` and `NO_PROXY` say about the server.
    pub(crate) fn choose(source: &str, proxy_url: Option<&str>, server: &Uri) -> Result<Self, ConfigError> {
        let matcher = match proxy_url.filter(|url| !url.is_empty()) {
            Some(url) => Matcher::builder().all(url).build(),
            None => Matcher::from_env(),
        };
        let Some(found) = matcher.intercept(server) else {
            return match proxy_url.filter(|url| !url.is_empty()) {
                Some(_) => Err(unusable(source)),
                None => Ok(Self::None),
            };
        };
        let uri = found.uri().clone();
        let authorization = found.basic_auth().cloned();
        match uri.scheme_str() {
            Some("http") => Ok(Self::Http { uri, authorization }),
            Some("https") => Ok(Self::Https { uri, authorization }),
            Some("socks5" | "socks5h") => Ok(Self::Socks5(uri)),
            _ => Err(unusable(source)),
        }
    }

    /// What the TLS towards a proxy is made of: the system's authorities and no certificate of ours.
    pub(crate) fn tls(config: &ClusterConfig) -> Result<rustls::ClientConfig, ConfigError> {
        let proxy = kube::Config::new(config.kube().cluster_url.clone());
        proxy
            .rustls_client_config()
            .map_err(|error| config.error_of_kube(&error))
    }
}

/// The URL is not shown: it can hold a password.
fn unusable(source: &str) -> ConfigError {
    ConfigError::new(
        source,
        "its proxy cannot be used",
        "write proxy-url as http://, https:// or socks5://host:port",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_known_by_its_scheme_and_keeps_its_password_apart() {
        let server = Uri::from_static("https://api.example.org:6443");
        let choose = |url| Proxy::choose("kubeconfig x", Some(url), &server);
        assert!(matches!(
            choose("http://proxy:3128"),
            Ok(Proxy::Http {
                authorization: None,
                ..
            })
        ));
        assert!(matches!(choose("https://proxy:3128"), Ok(Proxy::Https { .. })));
        assert!(matches!(choose("socks5://proxy:1080"), Ok(Proxy::Socks5(_))));
        let Ok(Proxy::Http {
            uri,
            authorization: Some(authorization),
        }) = choose("http://me:hunter2@proxy:3128")
        else {
            panic!("no authorization");
        };
        assert!(authorization.is_sensitive() || !format!("{uri}").contains("hunter2"));
        let error = choose("ftp://me:hunter2@proxy").err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
