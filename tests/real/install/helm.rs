//! Helm, as a person runs it on the chart.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use syncer_harness::{Program, Scratch, Testbed};

/// The chart.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart/tmc-syncer")
}

/// Helm with folders of its own: nothing that the user has configured counts.
pub(crate) struct Helm {
    folder: Scratch,
}

// === impl Helm ===

impl Helm {
    pub(crate) fn new() -> Self {
        Self {
            folder: Scratch::new("helm"),
        }
    }

    /// Runs it; its output, whatever came of it.
    #[track_caller]
    pub(crate) fn try_run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        let program = Testbed::locate().find(Program::Helm).unwrap();
        let mut command = Command::new(program);
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME"] {
            command.env(name, self.folder.path().join(name));
        }
        command
            .env_remove("KUBECONFIG")
            .env("HELM_PLUGINS", self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs it; what it printed.
    #[track_caller]
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let output = self.try_run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Writes `values` to a file for `-f`.
    pub(crate) fn values(&self, name: &str, values: &Value) -> PathBuf {
        let file = self.folder.path().join(format!("{name}.json"));
        fs::write(&file, values.to_string()).unwrap();
        file
    }

    /// What the chart makes of `values`, or what Helm says against them.
    #[track_caller]
    pub(crate) fn template(&self, values: &Value) -> Result<String, String> {
        let file = self.values("template", values);
        let chart = chart();
        let output = self.try_run([
            OsStr::new("template"),
            "tmc-syncer".as_ref(),
            chart.as_ref(),
            "--namespace=tmc-system".as_ref(),
            "-f".as_ref(),
            file.as_ref(),
        ]);
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The same as objects.
    #[track_caller]
    pub(crate) fn objects(&self, values: &Value) -> Vec<Value> {
        let rendered = self.template(values).map_err(|why| format!("{values}: {why}")).unwrap();
        objects(&rendered)
    }
}

/// The objects in YAML documents.
#[track_caller]
pub(crate) fn objects(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The objects of `kind`.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The container of the Deployment among `objects`.
#[track_caller]
pub(crate) fn container(objects: &[Value]) -> &Value {
    let deployments = of_kind(objects, "Deployment");
    assert_eq!(deployments.len(), 1);
    &deployments[0]["spec"]["template"]["spec"]["containers"][0]
}

/// Its arguments.
#[track_caller]
pub(crate) fn arguments(container: &Value) -> Vec<String> {
    let arguments = container["args"].as_array().unwrap();
    arguments
        .iter()
        .map(|argument| argument.as_str().unwrap().to_owned())
        .collect()
}
