use std::{fs, path::PathBuf};

use tempfile::TempDir;
use tokio::time;

use super::*;

const POLICY: &str = "apiVersion: workload.kcp.io/v1alpha1\nkind: SyncPolicy\nmetadata: {name: web}\nspec: {resources: [{resource: configmaps}]}\n";
const TARGET: &str = "apiVersion: workload.kcp.io/v1alpha1\nkind: SyncTarget\nmetadata: {name: east}\nspec: {kubeconfigFile: east.kubeconfig}\n";

/// A folder with `sync.yaml`, and what follows it.
struct Followers {
    folder: TempDir,
    sets: watch::Receiver<Arc<Followed>>,
}

impl Followers {
    /// Follows `sync.yaml` that holds `text`.
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sync.yaml"), text).unwrap();
        fs::write(folder.path().join("east.kubeconfig"), "one").unwrap();
        Self::in_folder(folder, "sync.yaml")
    }

    fn in_folder(folder: TempDir, file: &str) -> Self {
        let source = Source::Path(folder.path().join(file));
        let following = Following::start(vec![source], Options::default()).unwrap();
        let sets = following.receiver();
        tokio::spawn(following.run(every()));
        Self { folder, sets }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// The next set.
    async fn next(&mut self) -> Arc<Followed> {
        let changed = time::timeout(Duration::from_mins(1), self.sets.changed()).await;
        changed.expect("a change is published").unwrap();
        Arc::clone(&self.sets.borrow_and_update())
    }

    /// Waits for many looks at the files, after which nothing may have been published.
    async fn nothing(&mut self) {
        let changed = time::timeout(Duration::from_mins(1), self.sets.changed()).await;
        assert!(changed.is_err(), "{:?}", self.sets.borrow());
    }
}

fn priority(followed: &Followed) -> i32 {
    followed.configuration.policies["web"].spec.priority
}

fn with_priority(priority: i32) -> String {
    POLICY.replace("spec: {", &format!("spec: {{priority: {priority}, "))
}

#[tokio::test(start_paused = true)]
async fn a_change_is_published_once() {
    let mut followers = Followers::of(POLICY);
    assert_eq!(priority(&followers.sets.borrow()), 0);
    followers.nothing().await;
    followers.write("sync.yaml", &with_priority(7));
    assert_eq!(priority(&*followers.next().await), 7);
    followers.nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_no_meaning_is_not_published() {
    let mut followers = Followers::of(POLICY);
    followers.write("sync.yaml", &format!("# by hand\n{POLICY}"));
    followers.nothing().await;
}

/// S11.
#[tokio::test(start_paused = true)]
async fn a_wrong_file_leaves_the_last_good_set() {
    let mut followers = Followers::of(POLICY);
    for wrong in ["spec: [", "", &POLICY.replace("configmaps", "ConfigMaps")] {
        followers.write("sync.yaml", wrong);
        followers.nothing().await;
    }
    fs::remove_file(followers.path("sync.yaml")).unwrap();
    followers.nothing().await;
    followers.write("sync.yaml", &with_priority(1));
    assert_eq!(priority(&*followers.next().await), 1);
}

#[test]
fn each_problem_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sync.yaml");
    fs::write(&file, POLICY).unwrap();
    let mut following = Following::start(vec![Source::Path(file.clone())], Options::default()).unwrap();
    fs::write(&file, POLICY.replace("configmaps", "A").replace("web", "B")).unwrap();
    let mut said = Vec::new();
    for _ in 0..10 {
        let problems;
        (following, problems) = following.look();
        said.extend(problems);
    }
    let paths: Vec<_> = said.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["metadata.name", "spec.resources[0].resource"]);
}

/// A half-written file may read as a set without its last documents, which would be taken away downstream (S3).
#[test]
fn a_file_counts_once_it_has_been_seen_twice_alike() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sync.yaml");
    fs::write(&file, format!("{POLICY}---\n{TARGET}")).unwrap();
    let mut following = Following::start(vec![Source::Path(file.clone())], Options::default()).unwrap();
    let mut sets = following.receiver();
    sets.mark_unchanged();
    fs::write(&file, POLICY).unwrap();
    (following, _) = following.look();
    fs::write(&file, format!("{}---\n{TARGET}", with_priority(3))).unwrap();
    (following, _) = following.look();
    assert!(!sets.has_changed().unwrap());
    let _last = following.look();
    let followed = sets.borrow_and_update();
    assert_eq!((priority(&followed), followed.configuration.targets.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_kubeconfig_that_changes_is_noticed() {
    let mut followers = Followers::of(&format!("{POLICY}---\n{TARGET}"));
    let before = followers.sets.borrow_and_update().kubeconfigs["east"];
    followers.write("east.kubeconfig", "two");
    let after = followers.next().await;
    assert_ne!(after.kubeconfigs["east"], before);
    assert_eq!(priority(&after), 0);
    // Gone for a moment is no change; back with what it held is none either.
    fs::remove_file(followers.path("east.kubeconfig")).unwrap();
    followers.nothing().await;
    followers.write("east.kubeconfig", "two");
    followers.nothing().await;
    // It is noticed also while the documents are wrong.
    followers.write("sync.yaml", "spec: [");
    followers.nothing().await;
    followers.write("east.kubeconfig", "one");
    assert_eq!(followers.next().await.kubeconfigs["east"], before);
}

/// How the kubelet changes a mounted ConfigMap: the file is a link through `..data`, and that link is swapped.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_swapped_mount_is_noticed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, text) in [("..1", with_priority(1)), ("..2", with_priority(2))] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("sync.yaml"), text).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/sync.yaml", at("sync.yaml")).unwrap();
    symlink("..2", at("..next")).unwrap();
    // The folder is given, as it is mounted.
    let mut followers = Followers::in_folder(folder, "");
    assert_eq!(priority(&followers.sets.borrow_and_update()), 1);
    fs::rename(followers.path("..next"), followers.path("..data")).unwrap();
    assert_eq!(priority(&*followers.next().await), 2);
}

#[test]
fn a_pipe_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, POLICY)
    });
    let mut following = Following::start(vec![Source::Path(pipe)], Options::default()).unwrap();
    writer.join().unwrap().unwrap();
    for _ in 0..3 {
        (following, _) = following.look();
    }
    assert_eq!(following.receiver().borrow().configuration.policies.len(), 1);
}
