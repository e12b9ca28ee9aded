use std::{fs, path::Path};

use proptest::prelude::*;
use syncer_core::config::Strategy as ConflictStrategy;
use tempfile::TempDir;

use super::*;

const TARGET: &str = "\
apiVersion: workload.kcp.io/v1alpha1
kind: SyncTarget
metadata: {name: east}
spec: {kubeconfigFile: kube/east.kubeconfig}
";
const POLICY: &str = "\
apiVersion: workload.kcp.io/v1alpha1
kind: SyncPolicy
metadata: {name: web}
spec:
  resources:
  - resource: configmaps
";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// What `text` makes, with problems as they are shown, but for the folder.
fn read_text(text: impl AsRef<[u8]>) -> Result<Configuration, Vec<String>> {
    let folder = folder(&[("a.yaml", text.as_ref())]);
    let sources = [Source::Path(folder.path().join("a.yaml"))];
    match read(&sources, &Options::default()) {
        Ok(read) => Ok(read.configuration),
        Err(problems) => Err(shown(&problems, folder.path())),
    }
}

fn shown(problems: &[FileProblem], folder: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    problems
        .iter()
        .map(|problem| problem.to_string().replace(&folder, ""))
        .collect()
}

fn names(configuration: &Configuration) -> Vec<&str> {
    let targets = configuration.targets.keys().map(|name| &**name);
    targets
        .chain(configuration.policies.keys().map(|name| &**name))
        .collect()
}

#[test]
fn yaml_json_lists_and_empty_documents_are_read() {
    let json = r#"{
	"apiVersion": "workload.kcp.io/v1alpha1",
	"kind": "SyncPolicy",
	"metadata": {"name": "web"},
	"spec": {"resources": [{"resource": "configmaps"}]}
}"#;
    let indented = format!("  {}\n", TARGET.trim_end().replace('\n', "\n  "));
    let list = format!("apiVersion: v1\nkind: List\nitems:\n-\n{indented}-\n{indented}").replacen("east", "west", 2);
    let cases = [
        (format!("{TARGET}---\n{POLICY}"), vec!["east", "web"]),
        (format!("---\n# nothing\n---\n{TARGET}...\n---\n"), vec!["east"]),
        (json.to_owned(), vec!["web"]),
        (list, vec!["east", "west"]),
        (format!("\u{feff}{}", POLICY.replace('\n', "\r\n")), vec!["web"]),
    ];
    for (text, expected) in cases {
        let configuration = read_text(&text).unwrap_or_else(|problems| panic!("{problems:?} in {text}"));
        assert_eq!(names(&configuration), expected, "{text}");
    }
}

#[test]
fn a_problem_has_its_line() {
    let cases = [
        (
            POLICY.replace("configmaps", "ConfigMaps"),
            "a.yaml:6: spec.resources[0].resource: \"ConfigMaps\" is not",
        ),
        (
            format!("{POLICY}  priority: high\n"),
            "a.yaml:7: spec.priority: expected a whole number",
        ),
        (
            format!("# a comment\n---\n{POLICY}  prioritie: 1\n"),
            "a.yaml:9: spec.prioritie: unknown field; did you mean",
        ),
        (
            POLICY.replace("metadata: {name: web}\n", ""),
            "a.yaml:1: metadata.name: missing",
        ),
        (
            format!("{TARGET}---\nkind: ConfigMap\napiVersion: v1\n"),
            "a.yaml:7: apiVersion: \"v1\" is not known here",
        ),
        (
            format!("{TARGET}---\n{TARGET}"),
            "a.yaml:8: metadata.name: there are two documents SyncTarget east",
        ),
        (
            "items: []\nkind: List\n".to_owned(),
            "a.yaml: there is no SyncTarget and no SyncPolicy",
        ),
        (String::new(), "a.yaml: there is no SyncTarget and no SyncPolicy"),
        ("just a text".to_owned(), "a.yaml:1: expected a document"),
    ];
    for (text, expected) in cases {
        let problems = read_text(&text).unwrap_err();
        assert!(
            problems.first().is_some_and(|problem| problem.starts_with(expected)),
            "{problems:?}\n{expected}"
        );
    }
}

#[test]
fn a_mistake_hides_no_other() {
    let text = format!("a: 1\na: 2\n---\n{POLICY}  x: 1\n---\n{POLICY}  y: [\n");
    let problems = read_text(text).unwrap_err();
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| problem.split(": ").next().unwrap())
        .collect();
    assert_eq!(lines, ["a.yaml:2", "a.yaml:10", "a.yaml:18"], "{problems:?}");
    assert!(problems[0].contains("field \"a\" is there twice"));
}

#[test]
fn what_no_parser_should_swallow_is_refused() {
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
        d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e]\n";
    let deep = (0..3000)
        .map(|depth| " ".repeat(depth) + "a:\n")
        .collect::<Vec<_>>()
        .concat();
    let cases: [(&[u8], &str); 7] = [
        (laughs.as_bytes(), "not well-formed YAML: "),
        (&vec![b'['; 100_000], "not well-formed YAML: "),
        (&deep.as_bytes()[..1 << 20], "not well-formed YAML: "),
        (&vec![b'a'; (1 << 20) + 1], "larger than 1024 KiB"),
        (b"a: \xff\nb", "not UTF-8 text, from line 1 on"),
        (b"a:\n\t- b\n", "not well-formed YAML: tabs"),
        (b"a: *nope", "not well-formed YAML: alias"),
    ];
    for (text, expected) in cases {
        let problems = read_text(text).unwrap_err();
        assert!(problems[0].contains(expected), "{problems:?}\n{expected}");
    }
}

#[test]
fn nothing_of_a_file_given_by_mistake_is_shown() {
    let kubeconfig = "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: planted}\n";
    for text in [
        kubeconfig.to_owned(),
        format!("{kubeconfig}x: [planted"),
        format!("{kubeconfig}\tplanted"),
    ] {
        let problems = read_text(text).unwrap_err();
        assert!(!problems.concat().contains("planted"), "{problems:?}");
    }
}

#[test]
fn a_kubeconfig_is_found_from_the_file_that_names_it() {
    let folder = folder(&[("a.yaml", TARGET.as_bytes())]);
    let read = read(&[Source::Path(folder.path().join("a.yaml"))], &Options::default()).unwrap();
    let expected = folder.path().join("kube/east.kubeconfig").display().to_string();
    assert_eq!(read.configuration.targets["east"].spec.kubeconfig_file, Some(expected));
}

#[test]
fn a_folder_stands_for_its_documents() {
    let folder = folder(&[
        ("b.yaml", POLICY.as_bytes()),
        ("a.json", TARGET.as_bytes()),
        (".hidden.yaml", b"a: ["),
        ("notes.txt", b"a: ["),
    ]);
    let sources = [Source::Path(folder.path().to_owned())];
    assert_eq!(
        names(&read(&sources, &Options::default()).unwrap().configuration),
        ["east", "web"]
    );
    fs::write(folder.path().join("c.yml"), "a: [").unwrap();
    let problems = read(&sources, &Options::default()).unwrap_err();
    assert!(
        problems[0].file.ends_with("c.yml") && problems.len() == 1,
        "{problems:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let problems = read(&[Source::Path("nowhere.yaml".into())], &Options::default()).unwrap_err();
    assert!(
        problems[0].to_string().starts_with("nowhere.yaml: cannot be read: "),
        "{problems:?}"
    );
}

#[test]
fn the_command_line_alone_is_a_configuration() {
    let options = Options {
        named: vec!["east=east.kubeconfig#ctx".parse().unwrap(), "west=w".parse().unwrap()],
        strategy: ConflictStrategy::MergeChanges,
        status_interval: Some("3s".parse().unwrap()),
        ..Options::default()
    };
    let configuration = read(&[], &options).unwrap().configuration;
    assert_eq!(names(&configuration), ["east", "west"]);
    let spec = &configuration.targets["east"].spec;
    assert_eq!(spec.kubeconfig_file.as_deref(), Some("east.kubeconfig"));
    assert_eq!(spec.kubeconfig_context.as_deref(), Some("ctx"));
    let fallback = |options: &Options| options.fallback().unwrap();
    assert_eq!(fallback(&options).name, "default");
    assert_eq!(
        fallback(&options).spec.conflict.strategy,
        ConflictStrategy::MergeChanges
    );
    assert_eq!(fallback(&options).spec.status.interval, "3s".parse().unwrap());
    let resources = |options: &Options| -> Vec<_> {
        let policy = fallback(options);
        let resources = policy.spec.resources.iter();
        resources.map(|resource| resource.resource.clone()).collect()
    };
    assert_eq!(resources(&options), ["deployments", "services", "configmaps"]);
    let with_secrets = Options {
        secrets: SyncSecrets::All,
        ..options
    };
    assert_eq!(
        resources(&with_secrets),
        ["deployments", "services", "configmaps", "secrets"]
    );
    assert_eq!(
        Options::default().fallback(),
        None,
        "who writes SyncTargets writes policies"
    );
}

#[test]
fn files_and_command_line_add_up() {
    let folder = folder(&[("t.yaml", TARGET.as_bytes()), ("p.yaml", POLICY.as_bytes())]);
    let [target, policy] = ["t.yaml", "p.yaml"].map(|name| Source::Path(folder.path().join(name)));
    let options = |target: &str| Options {
        named: vec![target.parse().unwrap()],
        ..Options::default()
    };
    let both = read(&[target.clone(), policy], &options("west=w")).unwrap();
    assert_eq!(names(&both.configuration), ["east", "west", "web"]);
    let twice = read(&[target], &options("east=e")).unwrap_err();
    assert_eq!(
        twice[0].to_string(),
        "command line: metadata.name: there are two documents SyncTarget east: rename or remove one"
    );
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read_text(bytes);
    }

    /// YAML's own characters are where parsers stumble.
    #[test]
    fn random_yaml_does_no_harm(
        text in "([-?:,\\[\\]{}#&*!|>'\"%@` \n\ta]|<<|kind: |apiVersion: workload.kcp.io/v1alpha1\n|---\n|spec:\n){0,60}",
    ) {
        let _ = read_text(format!("{POLICY}{text}"));
        let _ = read_text(text);
    }
}
