//! What the image holds, shown without a container engine: the program that `cargo xtask image` has built, in a root folder that the
//! Dockerfile's own script lays out, as a user who may do nothing, over a root that cannot be written to.
#![expect(
    clippy::unwrap_used,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use syncer_harness::{Client, Credentials, ImageRoot, Kubeconfig, Process, Scratch, free_port, wait_for};

/// By when anything must have happened on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

/// Whom the image names.
const NOBODY: (u32, u32) = (65532, 65532);

/// The program, as the image has it.
fn program() -> PathBuf {
    let program = env::var_os("TMC_SYNCER_IMAGE_PROGRAM").map(PathBuf::from);
    let program = program
        .ok_or("run `cargo xtask image`, which builds the program and says where it is")
        .unwrap();
    assert!(program.is_file(), "{}", program.display());
    program
}

fn image() -> ImageRoot {
    ImageRoot::lay_out(&program())
}

/// What it prints and its exit code.
fn run(image: &ImageRoot, arguments: &[&str]) -> (String, Option<i32>) {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let output = image.command(NOBODY, &arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

/// The files below `folder`, by their paths in it.
fn files(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), &name, found);
        } else {
            found.insert(name);
        }
    }
}

/// The libraries that the program loads, by the system's own account, without the one that is the kernel's.
fn loaded() -> BTreeSet<String> {
    let output = Command::new("ldd").arg(program()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let names = said.lines().filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| !name.contains("vdso"));
    let names = names.map(|name| {
        let is_path = name.starts_with('/');
        if is_path {
            name.to_owned()
        } else {
            format!("/lib/{name}")
        }
    });
    names.collect()
}

#[test]
fn the_image_holds_the_program_what_it_loads_and_certificates_and_no_shell() {
    let image = image();
    let mut found = BTreeSet::new();
    files(&image.path(), "", &mut found);
    let mut expected = loaded();
    expected.extend(
        [
            "/LICENSE",
            "/etc/group",
            "/etc/nsswitch.conf",
            "/etc/passwd",
            "/etc/ssl/certs/ca-certificates.crt",
            "/tmc-syncer",
        ]
        .map(str::to_owned),
    );
    assert_eq!(found, expected);
    let mut size = 0;
    for name in &found {
        let metadata = fs::symlink_metadata(image.path().join(name.trim_start_matches('/'))).unwrap();
        assert!(metadata.is_file(), "{name}");
        // Nobody may write, nothing is set-uid, and only the program and its loader can be started.
        let mode = metadata.permissions().mode() & 0o7777;
        let can_start = name == "/tmc-syncer" || name.contains("/ld-linux");
        assert_eq!(mode, if can_start { 0o555 } else { 0o444 }, "{name}");
        size += metadata.len();
    }
    println!("figure: image size: {} KiB in {} files", size / 1024, found.len());
    let certificates = fs::read_to_string(image.path().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(certificates.matches("BEGIN CERTIFICATE").count() > 50);
    // The same again is the same: nothing in it tells when or where it was laid out.
    let again = crate::image();
    for name in &found {
        let [one, other] = [&image, &again].map(|image| image.path().join(name.trim_start_matches('/')));
        assert_eq!(
            fs::metadata(&one).unwrap().mtime(),
            fs::metadata(&other).unwrap().mtime(),
            "{name}"
        );
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{name}");
    }
}

#[test]
fn the_dockerfile_starts_it_as_nobody_from_nothing() {
    assert_eq!(ImageRoot::instruction("USER"), Some("65532:65532"));
    assert_eq!(ImageRoot::instruction("ENTRYPOINT"), Some(r#"["/tmc-syncer"]"#));
    assert_eq!(ImageRoot::instruction("COPY"), Some("--from=build /root-of-image /"));
    assert_eq!(ImageRoot::instruction("RUN"), None);
    let dockerfile = fs::read_to_string("deploy/Dockerfile").unwrap();
    let stages: Vec<_> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(stages.last(), Some(&"FROM scratch"));
    // What it runs are the scripts that this test has run, and the one before them.
    let run: Vec<_> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("RUN "))
        .collect();
    for (line, script) in run.iter().zip(["toolchain.sh", "build.sh", "root.sh"]) {
        assert!(
            line.contains(&format!("deploy/image/{script} \"$TARGETARCH\"")),
            "{line}"
        );
    }
    assert_eq!(run.len(), 3);
    let version = format!("image.version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(dockerfile.contains(&version));
}

#[test]
fn the_version_names_the_commit_and_its_day() {
    let (said, code) = run(&image(), &["--version"]);
    assert_eq!(code, Some(0), "{said}");
    let (version, built_from) = said.trim().split_once(" (commit ").unwrap();
    assert_eq!(version, format!("tmc-syncer {}", env!("CARGO_PKG_VERSION")));
    let (commit, date) = built_from.trim_end_matches(')').split_once(", ").unwrap();
    if !Path::new(".git").exists() {
        // An unpacked archive.
        assert_eq!(commit, "unknown");
        return;
    }
    let named = format!("{commit}^{{commit}}");
    let known = Command::new("git").args(["cat-file", "-e", &named]).status().unwrap();
    assert!(known.success() && commit.len() == 12, "{said}");
    assert!(date.len() == 10 && date.starts_with("20"), "{said}");
}

#[test]
fn the_sandbox_is_left_out_and_tracing_is_not() {
    let image = image();
    for command in ["demo", "sandbox"] {
        let (said, code) = run(&image, &[command]);
        assert_eq!(code, Some(2), "{said}");
    }
    let (said, code) = run(&image, &["run", "--help"]);
    assert!(code == Some(0) && said.contains("--otlp-endpoint"), "{said}");
    let (said, code) = run(&image, &["manifests", "all"]);
    assert!(
        code == Some(0) && said.contains("kind: CustomResourceDefinition"),
        "{code:?}"
    );
}

/// The upstream and the target are in memory; all else is as in a pod.
#[test]
fn it_syncs_as_nobody_over_a_root_that_cannot_be_written_to() {
    let image = image();
    let scratch = Scratch::new("clusters");
    let mut clusters = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"));
    clusters
        .args(["sandbox", "--targets", "1", "--dir"])
        .arg(scratch.path());
    let clusters = Process::start("the clusters", clusters, &scratch.path().join("clusters.log"));
    let kubeconfigs = wait_for("the kubeconfigs", SOON, || {
        let files = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|it| it == "kubeconfig"))
            .collect();
        files.sort();
        if files.len() == 2 {
            Ok(files)
        } else {
            Err(clusters.log())
        }
    });
    let mounted = image.mount_point("/etc/tmc-syncer");
    let mut clients = Vec::new();
    for file in &kubeconfigs {
        let text = fs::read_to_string(file).unwrap();
        clients.push(client(&serde_json::from_str(&text).unwrap()));
        let copy = mounted.join(file.file_name().unwrap());
        fs::write(&copy, text).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o444)).unwrap();
    }
    // In their order: the target, the upstream.
    let names: Vec<_> = kubeconfigs
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap())
        .collect();
    let upstream = names.iter().position(|name| *name == "upstream").unwrap();
    let (admin, health) = (free_port(), free_port());
    let at = |at: usize| format!("/etc/tmc-syncer/{}.kubeconfig", names[at]);
    let arguments = [
        "run".to_owned(),
        format!("--upstream-kubeconfig={}", at(upstream)),
        format!("--target=east={}", at(1 - upstream)),
        format!("--admin-address=127.0.0.1:{admin}"),
        format!("--health-address=127.0.0.1:{health}"),
    ];
    let log = scratch.path().join("container.log");
    let mut syncer = Process::start("the container", image.command(NOBODY, &arguments), &log);
    let probes = Client::new(&Kubeconfig {
        server: format!("http://127.0.0.1:{health}"),
        authority: String::new(),
        credentials: Credentials::Anonymous,
    });
    wait_for("/readyz", SOON, || match probes.try_call("GET", "/readyz", "", None) {
        Ok(reply) if reply.status == 200 => Ok(()),
        _ => Err(syncer.log()),
    });
    let (up, down) = (&clients[upstream], &clients[1 - upstream]);
    let greeting = json!({"metadata": {"name": "greeting"}, "data": {"text": "hello"}});
    up.create("/api/v1/namespaces/default/configmaps", &greeting);
    wait_for("the ConfigMap on the target", SOON, || {
        let found = down.get("/api/v1/namespaces/default/configmaps/greeting");
        found.ok_or_else(|| syncer.log())
    });
    let status = fs::read_to_string(format!("/proc/{}/status", syncer.id())).unwrap();
    if status.contains("\nUid:\t65532") {
        assert!(
            status.contains("\nNoNewPrivs:\t1") && status.contains("\nCapEff:\t0000000000000000"),
            "{status}"
        );
    } else {
        println!("not run by root: the program was root of a user name space in which nobody else is");
    }
    assert!(!syncer.log().contains("Read-only file system"), "{}", syncer.log());
    assert_eq!(
        syncer.terminate(Duration::from_secs(10)).code,
        Some(0),
        "{}",
        syncer.log()
    );
}

/// Calls the cluster of `kubeconfig` as its user.
fn client(kubeconfig: &Value) -> Client {
    let text = |pointer: &str| kubeconfig.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let authority = text("/clusters/0/cluster/certificate-authority-data").unwrap();
    let token = text("/users/0/user/token");
    Client::new(&Kubeconfig {
        server: text("/clusters/0/cluster/server").unwrap(),
        authority: String::from_utf8(BASE64_STANDARD.decode(authority).unwrap()).unwrap(),
        credentials: token.map_or(Credentials::Anonymous, Credentials::Token),
    })
}
