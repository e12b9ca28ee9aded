//! What the test bed consists of, and how it is built.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A Go module of the test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// Kubernetes and etcd.
    Kubernetes,
    /// kcp, which needs a fork of Kubernetes.
    Kcp,
    /// kwok, which plays the nodes.
    Kwok,
    /// Helm, which installs the chart.
    Helm,
}

/// A program of the test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// The store of the API servers.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The controllers of Kubernetes.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The command line of Kubernetes.
    Kubectl,
    /// The control plane with workspaces.
    Kcp,
    /// The player of nodes.
    Kwok,
    /// The installer of charts.
    Helm,
}

/// The files that decide what is built.
struct Pins {
    go_mod: &'static str,
    go_sum: &'static str,
    tools: &'static str,
}

// === impl Module ===

impl Module {
    /// All modules, in the order in which they are built.
    pub const ALL: [Self; 4] = [Self::Kubernetes, Self::Kwok, Self::Kcp, Self::Helm];

    /// Its name, which is its folder's too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Kcp => "kcp",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
        }
    }

    /// The folder of its `go.mod` in this checkout.
    pub fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../testbed")
            .join(self.name())
    }

    /// The programs that it builds.
    pub fn programs(self) -> &'static [Program] {
        match self {
            Self::Kubernetes => &[
                Program::Etcd,
                Program::KubeApiserver,
                Program::Kubectl,
                Program::KubeControllerManager,
                Program::KubeScheduler,
            ],
            Self::Kcp => &[Program::Kcp],
            Self::Kwok => &[Program::Kwok],
            Self::Helm => &[Program::Helm],
        }
    }

    /// Stands for everything that decides what is built: `go.mod`, `go.sum`, `tools.go` and the flags.
    pub fn checksum(self) -> String {
        let Pins { go_mod, go_sum, tools } = self.pins();
        let mut hash = Sha256::new();
        let flags = self.programs().iter().map(|program| program.linker_flags());
        for part in [go_mod, go_sum, tools].into_iter().map(str::to_owned).chain(flags) {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let short = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        format!("{short:016x}")
    }

    /// The name of its folder in the cache.
    pub fn cache_name(self) -> String {
        format!("{}-{}", self.name(), self.checksum())
    }

    fn pins(self) -> Pins {
        match self {
            Self::Kubernetes => Pins {
                go_mod: include_str!("../../../testbed/kubernetes/go.mod"),
                go_sum: include_str!("../../../testbed/kubernetes/go.sum"),
                tools: include_str!("../../../testbed/kubernetes/tools.go"),
            },
            Self::Kcp => Pins {
                go_mod: include_str!("../../../testbed/kcp/go.mod"),
                go_sum: include_str!("../../../testbed/kcp/go.sum"),
                tools: include_str!("../../../testbed/kcp/tools.go"),
            },
            Self::Kwok => Pins {
                go_mod: include_str!("../../../testbed/kwok/go.mod"),
                go_sum: include_str!("../../../testbed/kwok/go.sum"),
                tools: include_str!("../../../testbed/kwok/tools.go"),
            },
            Self::Helm => Pins {
                go_mod: include_str!("../../../testbed/helm/go.mod"),
                go_sum: include_str!("../../../testbed/helm/go.sum"),
                tools: include_str!("../../../testbed/helm/tools.go"),
            },
        }
    }

    /// The version at which its `go.mod` requires `module`, such as `v1.37.2`.
    fn required(self, module: &str) -> Option<&'static str> {
        self.pins().go_mod.lines().find_map(|line| {
            let line = line.trim_start().trim_start_matches("require ");
            line.strip_prefix(module)?
                .strip_prefix(' ')?
                .split_whitespace()
                .next()
                .filter(|word| word.starts_with('v'))
        })
    }

    /// The version that its API server reports; none where it reports its own correctly.
    fn reported_version(self) -> Option<String> {
        let kubernetes = self.required("k8s.io/kubernetes")?;
        match self {
            Self::Kubernetes => Some(kubernetes.to_owned()),
            Self::Kcp => Some(format!("{kubernetes}+kcp-{}", self.required("github.com/kcp-dev/kcp")?)),
            Self::Kwok | Self::Helm => None,
        }
    }
}

// === impl Program ===

impl Program {
    /// All programs.
    pub const ALL: [Self; 8] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
        Self::Kcp,
        Self::Kwok,
        Self::Helm,
    ];

    /// The name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kcp => "kcp",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
        }
    }

    /// The module that builds it.
    pub fn module(self) -> Module {
        match self {
            Self::Kcp => Module::Kcp,
            Self::Kwok => Module::Kwok,
            Self::Helm => Module::Helm,
            _ => Module::Kubernetes,
        }
    }

    /// The Go package of its `main`.
    pub fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Kcp => "github.com/kcp-dev/kcp/cmd/kcp",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
        }
    }

    /// The flags of the Go linker: no debug information, and a version that clients can parse.
    pub fn linker_flags(self) -> String {
        const VERSION: &str = "k8s.io/component-base/version";
        if let (Self::Helm, Some(version)) = (self, Module::Helm.required("helm.sh/helm/v4")) {
            return format!("-s -w -X helm.sh/helm/v4/internal/version.version={version}");
        }
        let version = match self {
            Self::Etcd | Self::Helm => None,
            _ => self.module().reported_version(),
        };
        let Some(version) = version else {
            return "-s -w".to_owned();
        };
        let mut numbers = version.trim_start_matches('v').split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        format!("-s -w -X {VERSION}.gitVersion={version} -X {VERSION}.gitMajor={major} -X {VERSION}.gitMinor={minor}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_program_belongs_to_the_module_that_builds_it() {
        let built: Vec<Program> = Module::ALL
            .iter()
            .flat_map(|module| module.programs())
            .copied()
            .collect();
        assert_eq!(built.len(), Program::ALL.len());
        for module in Module::ALL {
            for program in module.programs() {
                assert_eq!(program.module(), module);
                assert!(
                    module.pins().tools.contains(program.package()),
                    "tools.go pins {}",
                    program.package()
                );
            }
        }
    }

    #[test]
    fn a_server_reports_the_version_that_its_module_pins() {
        let flags = Program::KubeApiserver.linker_flags();
        assert!(
            flags.contains("gitVersion=v1.37.2 ") && flags.contains("gitMinor=37"),
            "{flags}"
        );
        let kcp = Program::Kcp.linker_flags();
        assert!(kcp.contains("+kcp-v0.30.0 ") && kcp.contains("gitMajor=1 "), "{kcp}");
        assert_eq!(Program::Etcd.linker_flags(), "-s -w");
    }

    #[test]
    fn modules_have_checksums_of_their_own() {
        let checksums: BTreeSet<_> = Module::ALL.into_iter().map(Module::checksum).collect();
        assert_eq!(checksums.len(), Module::ALL.len());
        assert!(checksums.iter().all(|checksum| checksum.len() == 16), "{checksums:?}");
    }
}
