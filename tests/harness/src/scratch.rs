//! Folders for data and logs of one test process.

use std::{
    env, fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::OrFail;

/// Removes the folder when the test process has ended, however it ended, unless told to keep it. Servers that are just
/// being ended may still write, so it tries more than once.
const JANITOR: &str = r#"read -r order; [ "$order" = keep ] && exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit 0; sleep 0.2; done"#;

static ROOT: OnceLock<Root> = OnceLock::new();

static NEXT: AtomicU32 = AtomicU32::new(1);

/// The folder of all scratch folders of this process.
struct Root {
    path: PathBuf,
    janitor: Mutex<Child>,
}

/// A folder of its own for one server or test. It goes with its owner; a failing test keeps it and says where it is.
pub struct Scratch {
    path: PathBuf,
}

// === impl Root ===

impl Root {
    fn get() -> &'static Self {
        ROOT.get_or_init(|| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| now.subsec_nanos());
            let path = env::temp_dir().join(format!("tmc-testbed-{}-{now}", process::id()));
            fs::create_dir_all(&path).or_fail("create the folder for data and logs");
            let janitor = Command::new("sh")
                .args(["-c", JANITOR, "janitor"])
                .arg(&path)
                .stdin(Stdio::piped())
                // Who reads this process's output waits for the end of everyone that holds it.
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
                .or_fail("start sh");
            Self {
                path,
                janitor: Mutex::new(janitor),
            }
        })
    }

    /// The folder stays when this process ends.
    fn keep(&self) {
        let mut janitor = self.janitor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut orders) = janitor.stdin.take() {
            // A janitor that is gone removes nothing either.
            let _ = orders.write_all(b"keep\n");
            eprintln!("data and logs are kept in {}", self.path.display());
        }
    }
}

// === impl Scratch ===

impl Scratch {
    /// A new, empty folder whose name contains `name`.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn new(name: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Root::get().path.join(format!("{number:03}-{name}"));
        fs::create_dir_all(&path).or_fail("create a scratch folder");
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `content` to the file `name` in it and returns the file's path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let file = self.path.join(name);
        fs::write(&file, content).or_fail("write a file for a server");
        file
    }

    /// Keeps all scratch folders of this process after its end, and says where they are.
    pub(crate) fn keep_all() {
        Root::get().keep();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if thread::panicking() {
            Self::keep_all();
            return;
        }
        // What cannot be removed now, the janitor removes at the end.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_its_owner() {
        let scratch = Scratch::new("a");
        let file = scratch.write("x", "1");
        assert_eq!(fs::read_to_string(&file).unwrap(), "1");
        drop(scratch);
        assert!(!file.exists());
    }
}
