//! Pages of the documentation, typed into a shell as a person would.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitStatus},
    time::Duration,
};

use syncer_harness::{Exit, Process, Program, Scratch, Testbed, wait_for};

use crate::world::BINARY;

/// What a person types: the fenced blocks of shell of `page`, in their order.
pub(crate) fn blocks(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").map_or(rest, |(block, _)| block));
    blocks.collect()
}

/// All of them, with more patience: a loaded machine needs longer than the person's that a page is for.
pub(crate) fn commands(page: &str) -> String {
    let typed = blocks(page).join("\n");
    let patient = ["--timeout=1m", "--timeout=2m"];
    patient
        .iter()
        .fold(typed, |typed, short| typed.replace(short, "--timeout=6m"))
}

/// What `tmc-syncer`, and each of `programs`, are to the shell: those under test.
#[track_caller]
fn path(programs: &[Program]) -> OsString {
    let testbed = Testbed::locate();
    let programs = programs.iter().map(|program| testbed.find(*program).unwrap());
    let found = programs.map(|program| program.parent().unwrap().to_owned());
    let own = Path::new(BINARY).parent().unwrap().to_owned();
    let inherited = env::var_os("PATH").unwrap_or_default();
    let all = [own].into_iter().chain(found).chain(env::split_paths(&inherited));
    env::join_paths(all).unwrap()
}

/// A shell in which a script is typed.
pub(crate) struct Typed {
    process: Process,
}

// === impl Typed ===

impl Typed {
    /// Types `script` into a shell in `folder`, with `programs` and `tmc-syncer` on the path. Each command has to succeed, and is shown.
    #[track_caller]
    pub(crate) fn start(folder: &Scratch, script: &str, programs: &[Program], environment: &[(&str, &str)]) -> Self {
        let script = folder.write("commands.sh", script);
        let mut shell = Command::new("bash");
        shell
            .args(["-eux", "-o", "pipefail"])
            .arg(&script)
            .current_dir(folder.path())
            .env("PATH", path(programs))
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied());
        Self {
            process: Process::start("the commands of the page", shell, &folder.path().join("typed.log")),
        }
    }

    /// How the script ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Asks it to end (SIGTERM), and waits for that.
    #[track_caller]
    pub(crate) fn terminate(&mut self, within: Duration) -> Exit {
        self.process.terminate(within)
    }

    /// What was typed and answered so far.
    pub(crate) fn said(&self) -> String {
        self.process.log()
    }

    /// Waits until all of it was typed, each command with success, and returns what was said. `log` is a file of the folder that is shown
    /// where it takes too long or fails.
    #[track_caller]
    pub(crate) fn wait(mut self, within: Duration, log: &Path) -> String {
        let log = || fs::read_to_string(log).unwrap_or_default();
        let ended = wait_for("the end of the page", within, || {
            self.ended().ok_or_else(|| format!("{}\n{}", self.said(), log()))
        });
        let said = self.said();
        assert!(ended.success(), "{said}\n{}", log());
        said
    }
}
