//! `tmc-syncer validate`: what is wrong with documents, before they count.

mod options;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;

use self::options::ValidateOutput;
pub(crate) use self::options::{EXAMPLES, ValidateOptions};
use crate::{
    WRONG_CONFIGURATION,
    documents::{self, FileProblem, Options, Read, report},
    printing::{json, read_enough},
};

/// What was found.
#[derive(Debug, Serialize)]
struct Verdict {
    valid: bool,
    problems: Vec<FileProblem>,
    warnings: Vec<FileProblem>,
    #[serde(rename = "syncTargets")]
    targets: usize,
    #[serde(rename = "syncPolicies")]
    policies: usize,
}

/// Checks the files and says what was found: problems and warnings on stderr, the summary on stdout.
pub(crate) fn validate(options: &ValidateOptions) -> io::Result<ExitCode> {
    let verdict = Verdict::of(documents::read(&options.files, &Options::default()));
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    read_enough(say(&verdict, options.output, &mut out, &mut err))?;
    Ok(if verdict.valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG_CONFIGURATION)
    })
}

fn say(verdict: &Verdict, output: ValidateOutput, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    if output == ValidateOutput::Json {
        return json(verdict, out);
    }
    for warning in &verdict.warnings {
        writeln!(err, "warning: {warning}")?;
    }
    if verdict.valid {
        let targets = counted(verdict.targets, "SyncTarget", "SyncTargets");
        return writeln!(
            out,
            "{targets}, {}",
            counted(verdict.policies, "SyncPolicy", "SyncPolicies")
        );
    }
    writeln!(err, "{}", report(&verdict.problems))?;
    writeln!(err, "{}", counted(verdict.problems.len(), "problem", "problems"))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

// === impl Verdict ===

impl Verdict {
    fn of(read: Result<Read, Vec<FileProblem>>) -> Self {
        match read {
            Ok(read) => Self {
                valid: true,
                problems: Vec::new(),
                warnings: read.warnings,
                targets: read.configuration.targets.len(),
                policies: read.configuration.policies.len(),
            },
            Err(problems) => Self {
                valid: false,
                problems,
                warnings: Vec::new(),
                targets: 0,
                policies: 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Source;

    fn said(text: &str, output: ValidateOutput) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sync.yaml");
        std::fs::write(&file, text).unwrap();
        let verdict = Verdict::of(documents::read(&[Source::Path(file)], &Options::default()));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        say(&verdict, output, &mut out, &mut err).unwrap();
        let shown = |bytes| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(&folder.path().display().to_string(), "")
        };
        (shown(out), shown(err))
    }

    const GOOD: &str = "\
apiVersion: workload.kcp.io/v1alpha1
kind: SyncTarget
metadata: {name: east}
spec: {kubeconfigFile: east.kubeconfig}
---
apiVersion: workload.kcp.io/v1alpha1
kind: SyncPolicy
metadata: {name: web}
spec:
  resources: [{resource: configmaps}]
  targets: {names: [east, west]}
";

    #[test]
    fn good_files_are_counted_and_odd_ones_warned_of() {
        let (out, err) = said(GOOD, ValidateOutput::Text);
        assert_eq!(out, "1 SyncTarget, 1 SyncPolicy\n");
        let warning = "warning: /sync.yaml:11: spec.targets.names[1]: there is no SyncTarget west yet: nothing goes there until there is\n";
        assert_eq!(err, warning);
    }

    #[test]
    fn every_problem_has_its_line() {
        let bad = GOOD
            .replace("configmaps", "ConfigMaps")
            .replace("{kubeconfigFile", "{x: 1, kubeconfigFile");
        let (out, err) = said(&bad, ValidateOutput::Text);
        assert_eq!(out, "");
        assert!(err.starts_with("/sync.yaml:4: spec.x: unknown field\n"), "{err}");
        assert!(
            err.contains("/sync.yaml:10: spec.resources[0].resource: \"ConfigMaps\" is not a plural"),
            "{err}"
        );
        assert!(err.ends_with("\n2 problems\n"), "{err}");
    }

    #[test]
    fn scripts_get_json() {
        let (out, err) = said(&GOOD.replace("configmaps", "1"), ValidateOutput::Json);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((value["valid"].as_bool(), err.as_str()), (Some(false), ""));
        assert_eq!(value["problems"][0]["line"], 10);
        assert_eq!(value["problems"][0]["path"], "spec.resources[0].resource");
    }
}
