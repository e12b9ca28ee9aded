//! A folder that holds what the image holds, and the program run in it as a container runtime would.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::geteuid;

use crate::{OrFail, Scratch};

const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");

/// Runs a command in the root folder $1, which nobody can write to, as the user $2, without a way to more rights.
const CONTAINER: &str = r#"set -eu
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user" --groups="${user#*:}" "$root" "$@""#;

/// A root folder with all that the image holds, and nothing else until something is mounted in it.
pub struct ImageRoot {
    folder: Scratch,
}

// === impl ImageRoot ===

impl ImageRoot {
    /// Lays it out around `program`, by the script that the Dockerfile runs too.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn lay_out(program: &Path) -> Self {
        let folder = Scratch::new("image");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/image/root.sh");
        let arch = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        let root = Self { folder };
        let output = Command::new(script)
            .args([arch.as_ref(), program.as_os_str(), root.path().as_os_str()])
            .output()
            .or_fail("run root.sh");
        assert!(
            output.status.success(),
            "root.sh: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        root
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The folder `path` in it, such as `/etc/tmc-syncer`, made where it is not there, as a runtime does for what it mounts.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn mount_point(&self, path: &str) -> PathBuf {
        let mut folder = self.path();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            // Nobody but root may write to what the image holds.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).or_fail("open a folder of the image");
            folder.push(part);
            if !folder.exists() {
                fs::create_dir(&folder).or_fail("make a mount point");
            }
        }
        folder
    }

    /// The image's entry point with `arguments`, with an empty environment, as the user and group that are given. Where the test
    /// itself is not run by root, as root of a user name space in which nobody else is.
    pub fn command(&self, (user, group): (u32, u32), arguments: &[String]) -> Command {
        let is_root = geteuid().is_root();
        let mut command = Command::new("unshare");
        if !is_root {
            command.args(["--user", "--map-root-user"]);
        }
        let who = if is_root {
            format!("{user}:{group}")
        } else {
            "0:0".to_owned()
        };
        command
            .args(["--mount", "sh", "-c", CONTAINER, "container"])
            .arg(self.path())
            .arg(who)
            .args(Self::entry_point())
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// What the last stage of the Dockerfile says under `instruction`; none where it says nothing.
    pub fn instruction(instruction: &str) -> Option<&'static str> {
        let (_, last) = DOCKERFILE.rsplit_once("\nFROM ")?;
        last.lines()
            .find_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '))
    }

    fn entry_point() -> Vec<String> {
        let line = Self::instruction("ENTRYPOINT").or_fail("find the entry point");
        serde_json::from_str(line).or_fail("read the entry point")
    }
}
