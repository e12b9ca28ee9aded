use super::*;

const INLINE: &str = "apiVersion: v1
kind: Config
current-context: east
clusters:
- {name: east, cluster: {server: 'https://east.test:6443/clusters/root:org'}}
- {name: west, cluster: {server: 'https://west.test:6443'}}
users:
- {name: me, user: {token: hunter2}}
contexts:
- {name: east, context: {cluster: east, user: me}}
- {name: west, context: {cluster: west, user: me}}
";

fn secret(text: &str) -> Result<ClusterConfig, ConfigError> {
    ClusterConfig::from_kubeconfig_secret(text.as_bytes(), TlsVerification::Required)
}

#[test]
fn a_secret_gives_server_and_credentials_and_shows_none() {
    let config = secret(INLINE).unwrap();
    assert_eq!(config.server(), "https://east.test:6443/clusters/root:org");
    assert!(!config.kube().default_retry, "no request is repeated behind our back");
    let shown = format!("{config:?}");
    assert!(shown.contains("east.test") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_acts_in_our_pod_is_refused_out_of_a_secret() {
    let cases = [
        (
            "token: hunter2",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: rm}",
            "user me has an exec plugin",
        ),
        (
            "token: hunter2",
            "auth-provider: {name: gcp, config: {}}",
            "user me has an auth-provider plugin",
        ),
        (
            "token: hunter2",
            "tokenFile: /etc/passwd",
            "user me has a path (tokenFile)",
        ),
        (
            "token: hunter2",
            "client-certificate: /etc/passwd",
            "user me has a path (client-certificate)",
        ),
        (
            "token: hunter2",
            "client-key: /etc/passwd",
            "user me has a path (client-key)",
        ),
        (
            "server: 'https://west.test:6443'",
            "server: 'https://west.test', certificate-authority: /etc/passwd",
            "cluster west has a path (certificate-authority)",
        ),
    ];
    for (good, bad, expected) in cases {
        let error = secret(&INLINE.replace(good, bad)).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("not allowed in a Secret"),
            "{error}"
        );
    }
}

#[test]
fn a_server_goes_unverified_only_where_both_sides_say_so() {
    let unverified = [
        INLINE.replace(":6443/clusters/root:org'", ":6443', insecure-skip-tls-verify: true"),
        INLINE.replace("https://east.test", "http://east.test"),
    ];
    for text in unverified {
        let error = secret(&text).unwrap_err().to_string();
        assert!(error.contains("spec.insecureSkipTLSVerify"), "{error}");
        assert!(ClusterConfig::from_kubeconfig_secret(text.as_bytes(), TlsVerification::AsTheKubeconfigSays).is_ok());
    }
}

#[test]
fn errors_name_file_context_and_cause_and_quote_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let open = |text: &str, context| {
        std::fs::write(&path, text).unwrap();
        ClusterConfig::from_kubeconfig_file(&path, context)
            .map(|config| config.server())
            .map_err(|error| error.to_string())
    };
    assert_eq!(open(INLINE, None).unwrap(), "https://east.test:6443/clusters/root:org");
    assert_eq!(open(INLINE, Some("west")).unwrap(), "https://west.test:6443");
    let file = path.display();
    let cases = [
        (
            INLINE.to_owned(),
            Some("north"),
            format!("kubeconfig {file}, context north: it has no such context; name one of its contexts"),
        ),
        (
            INLINE.replace("current-context: east\n", ""),
            None,
            format!("kubeconfig {file}: it has no current context; name a context"),
        ),
        (
            INLINE.replace("current-context: east\n", "current-context: ''\n"),
            None,
            format!("kubeconfig {file}: it has no current context; name a context"),
        ),
        (
            INLINE.replace("{cluster: west, user: me}", "{cluster: west, user: you}"),
            Some("west"),
            format!("kubeconfig {file}, context west: it has no user you, which its context names; add the user"),
        ),
        (
            INLINE.replace("'https://west.test:6443'", "'ftp://west.test'"),
            Some("west"),
            format!(
                "kubeconfig {file}, context west: its server is no URL with a scheme and a host; write it as https://host:port"
            ),
        ),
        (
            INLINE.replace(
                "'https://west.test:6443'",
                "'https://west.test:6443', certificate-authority-data: aHVudGVyMg==",
            ),
            Some("west"),
            format!(
                "kubeconfig {file}, context west: its certificate-authority has no certificate in it; give one in PEM"
            ),
        ),
        (
            INLINE.replace("'https://west.test:6443'", "nonsense"),
            Some("west"),
            format!(
                "kubeconfig {file}, context west: its server is no URL with a scheme and a host; write it as https://host:port"
            ),
        ),
        (
            INLINE.replace("{token: hunter2}", "{token: hunter2"),
            None,
            format!("kubeconfig {file}: it cannot be parsed at line"),
        ),
        (
            INLINE.replace("{token: hunter2}", "[token, hunter2]"),
            None,
            format!("kubeconfig {file}: it cannot be parsed at line"),
        ),
    ];
    for (text, context, expected) in cases {
        let error = open(&text, context).unwrap_err();
        assert!(error.starts_with(&expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let missing = ClusterConfig::from_kubeconfig_file(folder.path().join("absent"), None)
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("absent: cannot be read") && missing.ends_with("check path and permissions"),
        "{missing}"
    );
}

#[test]
fn another_host_is_not_verified_by_the_name_of_the_first() {
    let config = secret(&INLINE.replace("root:org'", "root:org', tls-server-name: kcp.test")).unwrap();
    let same = config.towards(&"https://east.test:6443/services/x".parse().unwrap());
    let other = config.towards(&"https://shard.test/services/x".parse().unwrap());
    assert_eq!(
        (
            same.kube().tls_server_name.as_deref(),
            other.kube().tls_server_name.as_deref()
        ),
        (Some("kcp.test"), None)
    );
}

#[test]
fn a_plugin_that_fails_is_named_without_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let cases = [
        ("false", "exec plugin false: the plugin ended with exit status: 1"),
        (
            "/no/such/plugin",
            "exec plugin /no/such/plugin: the plugin cannot be started:",
        ),
    ];
    for (command, expected) in cases {
        let exec = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, interactiveMode: Never, \
             args: [--secret=hunter2], env: [{{name: KEY, value: hunter3}}]}}}}"
        );
        std::fs::write(&path, INLINE.replace("{token: hunter2}", &exec)).unwrap();
        let config = ClusterConfig::from_kubeconfig_file(&path, None).unwrap();
        let error = crate::Cluster::builder("east")
            .connect(config)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(expected) && !error.contains("hunter"), "{error}");
    }
}
