use super::*;
use crate::wait_for;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn started(scratch: &Scratch, script: &str) -> Process {
    Process::start("sh", shell(script), &scratch.path().join("sh.log"))
}

/// Whether the process `id` runs (one that waits to be reaped does not).
fn runs(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_output_of_a_process_is_in_its_log() {
    let scratch = Scratch::new("log");
    let mut process = started(&scratch, "echo out; echo err >&2; exit 3");
    let status = wait_for("the end", SOON, || process.ended());
    assert_eq!((status.code(), process.log().as_str()), (Some(3), "out\nerr\n"));
}

#[test]
fn a_process_that_ends_early_is_not_ready_and_shows_its_log() {
    let scratch = Scratch::new("early");
    let mut process = started(&scratch, "echo no such flag; exit 2");
    let why = process.wait_ready(SOON, || false).unwrap_err().to_string();
    assert!(why.contains("exit code 2") && why.contains("no such flag"), "{why}");
}

#[test]
fn a_taken_port_is_told_apart() {
    let scratch = Scratch::new("port");
    let mut process = started(
        &scratch,
        "echo listen tcp 127.0.0.1:1: bind: address already in use; exit 1",
    );
    assert!(matches!(process.wait_ready(SOON, || false), Err(NotReady::PortTaken)));
}

#[test]
fn a_process_that_hangs_is_late_with_the_last_state() {
    let scratch = Scratch::new("late");
    let mut process = started(&scratch, "sleep 60");
    let why = process
        .wait_ready(Duration::from_millis(20), || Err::<(), _>("503"))
        .unwrap_err()
        .to_string();
    assert!(why.contains("last seen: 503"), "{why}");
}

#[test]
fn terminate_reports_the_exit_code_of_the_process() {
    let scratch = Scratch::new("term");
    let mut process = started(&scratch, "trap 'exit 7' TERM; echo set; while :; do sleep 0.01; done");
    wait_for("the trap", SOON, || process.log().contains("set"));
    assert_eq!(process.terminate(SOON).code, Some(7));
}

#[test]
fn a_paused_process_stands_still_until_it_is_resumed() {
    let scratch = Scratch::new("pause");
    let process = started(&scratch, "while :; do echo x; sleep 0.01; done");
    wait_for("the first line", SOON, || !process.log().is_empty());
    process.pause();
    let stopped = format!("/proc/{}/stat", process.id());
    wait_for("the stop", SOON, || {
        fs::read_to_string(&stopped).is_ok_and(|stat| stat.contains(") T "))
    });
    let length = process.log().len();
    process.resume();
    wait_for("more output", SOON, || process.log().len() > length);
}

#[test]
fn a_dropped_process_is_gone() {
    let scratch = Scratch::new("drop");
    let process = started(&scratch, "sleep 60");
    let id = process.id().to_string();
    assert!(runs(&id));
    drop(process);
    assert!(!runs(&id));
}

#[test]
fn a_process_is_gone_after_a_panic() {
    let scratch = Scratch::new("panic");
    let process = started(&scratch, "sleep 60");
    let id = process.id().to_string();
    let panicked = thread::spawn(move || {
        let _process = process;
        panic!("as if a test failed");
    });
    assert!(panicked.join().is_err());
    assert!(!runs(&id));
}

/// The child of [`children_end_when_the_test_process_is_killed`]: started as a process of its own, by that test alone.
#[test]
#[ignore = "run by children_end_when_the_test_process_is_killed"]
fn start_a_child_and_hang() {
    let Ok(report) = std::env::var("HARNESS_REPORT") else {
        return;
    };
    let scratch = Scratch::new("victim");
    let process = started(&scratch, "sleep 60 & echo $!; wait");
    let grandchild = wait_for("the grandchild", SOON, || {
        let log = process.log();
        log.ends_with('\n').then(|| log.trim().to_owned())
    });
    let folder = scratch.path().parent().unwrap().display().to_string();
    fs::write(&report, format!("{} {grandchild} {folder}\n", process.id())).unwrap();
    thread::park();
}

#[test]
fn children_end_when_the_test_process_is_killed() {
    let scratch = Scratch::new("killed");
    let report = scratch.path().join("report");
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::tests::start_a_child_and_hang", "--ignored"])
        .env("HARNESS_REPORT", &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let line = wait_for("the report", SOON, || {
        fs::read_to_string(&report).ok().filter(|text| text.ends_with('\n'))
    });
    let [child, grandchild, folder] = line.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
    assert!(runs(child) && runs(grandchild) && Path::new(folder).exists());

    test.kill().unwrap();
    test.wait().unwrap();

    wait_for("the end of the child", SOON, || !runs(child));
    wait_for("the end of the grandchild", SOON, || !runs(grandchild));
    wait_for("the removal of the folder", SOON, || !Path::new(folder).exists());
}
