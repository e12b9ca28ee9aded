//! The admin server under attack, beside a syncer that has work to do.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use syncer_harness::{Syncer, wait_for};

use crate::{
    http::{connect, exchange, get},
    stage::{DEADLINE, Stage, ready},
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Slow connections that are held open, over both addresses.
const SLOW: usize = 1_000;

/// How long an edit may take to both targets meanwhile. Milliseconds on a machine of one's own; this one has other work.
const SECONDS: Duration = Duration::from_secs(10);

/// How long a probe may take, and be tried again: the kubelet tries three times.
const PROBE: Duration = Duration::from_secs(5);

/// The open file descriptors and the resident bytes of a process.
fn footprint(syncer: &Syncer) -> (usize, u64) {
    let process = syncer.process().id();
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok());
    (descriptors, kib.unwrap() * 1024)
}

/// What no client of good will sends.
fn garbage() -> Vec<Vec<u8>> {
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = vec![0; 64 * 1024];
    for byte in &mut random {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = noise.to_be_bytes()[0];
    }
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{more}\r\n").into_bytes();
    vec![
        random,
        vec![0; 1024],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        get(&format!("/{}", "a".repeat(1 << 20)), ""),
        get(&format!("/debug/actors?children={}", "9".repeat(1_000)), ""),
        get("/debug/actors?children=-1&children=x&%ff=%00", ""),
        get("/../../../../etc/passwd", ""),
        get("/livez", &format!("x: {}\r\n", "b".repeat(1 << 20))),
        get("/livez", &"x: y\r\n".repeat(10_000)),
        get("/livez", "content-length: 99999999999999999999\r\n"),
        get("/livez", "content-length: -1\r\n"),
        get("/livez", "content-length: 5\r\ntransfer-encoding: chunked\r\n"),
        b"POST /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 10737418240\r\n\r\n"
            .iter()
            .copied()
            .chain(vec![b'x'; 1 << 20])
            .collect(),
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec(),
        b"DELETE /debug/actors HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1_000),
        b"\r\n\r\n\r\nGET".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
    ]
}

/// Sends `request`, reads what comes, and closes; what goes wrong is the attacker's.
fn send(address: &str, request: &[u8]) {
    if let Ok(mut stream) = connect(address) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = stream.write_all(request);
        let _ = stream.take(1 << 20).read_to_end(&mut Vec::new());
    }
}

/// Connections that are opened in place of those that the server closed, in each round: more would only use up the machine's ports.
const ANEW: usize = 20;

/// Holds `count` connections open and says a byte on each now and then, until it is told to end.
fn dawdle(address: &str, count: usize, over: &AtomicBool, open: &AtomicUsize) {
    let mut slow: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = open.load(Ordering::Relaxed) >= count;
        for number in 0..if begun { ANEW } else { count } {
            if let Ok(mut stream) = connect(address) {
                // Half begin a request, half say nothing at first.
                if number.is_multiple_of(2) {
                    let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: ");
                }
                slow.push(stream);
            }
        }
        open.fetch_max(slow.len(), Ordering::Relaxed);
        slow.retain_mut(|stream| stream.write_all(b"a").is_ok());
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_attack_on_the_admin_server_harms_neither_the_sync_nor_the_probes() {
    let stage = Stage::new(2);
    let health = format!("127.0.0.1:{}", syncer_harness::free_port());
    let syncer = stage.run(&["--health-address", &health]);
    ready(&syncer);
    let admin = syncer.admin_address().to_owned();
    let (descriptors, resident) = footprint(&syncer);

    let over = Arc::new(AtomicBool::new(false));
    let open = Arc::new(AtomicUsize::new(0));
    let mut attackers = Vec::new();
    for address in [admin.clone(), health.clone()] {
        let (over, open) = (Arc::clone(&over), Arc::clone(&open));
        let (to, ended) = (address.clone(), Arc::clone(&over));
        attackers.push(thread::spawn(move || dawdle(&address, SLOW / 2, &over, &open)));
        attackers.push(thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                for request in garbage() {
                    send(&to, &request);
                }
                scan(&to);
            }
        }));
    }
    wait_for("all slow connections", DEADLINE, || {
        match open.load(Ordering::Relaxed) {
            all if all >= SLOW / 2 => Ok(()),
            some => Err(format!("{some}")),
        }
    });

    let (mut slowest_edit, mut slowest_probe, mut most) = (Duration::ZERO, Duration::ZERO, (0, 0));
    for number in 0..30 {
        let name = format!("web-{number}");
        let path = format!("{CONFIG_MAPS}/{name}");
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}});
        let begun = Instant::now();
        stage.upstream().create(CONFIG_MAPS, &object).unwrap();
        wait_for("the object on both targets", SECONDS, || {
            let held = ["east", "west"]
                .iter()
                .all(|target| stage.target(target).get(&path).is_some());
            if held { Ok(()) } else { Err("not yet") }
        });
        slowest_edit = slowest_edit.max(begun.elapsed());
        let begun = Instant::now();
        for probe in ["/livez", "/readyz"] {
            wait_for("a probe on the health address", PROBE, || {
                let answer = get(&health, probe)?;
                if answer.status == 200 { Ok(()) } else { Err(answer.body) }
            });
        }
        slowest_probe = slowest_probe.max(begun.elapsed());
        let (descriptors, resident) = footprint(&syncer);
        most = (descriptors.max(most.0), resident.max(most.1));
    }
    over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.join().unwrap();
    }
    println!(
        "figure: under attack: slowest edit {slowest_edit:?}, slowest pair of probes {slowest_probe:?}, at most {} descriptors \
         ({descriptors} before) and {} MiB ({} before)",
        most.0,
        most.1 >> 20,
        resident >> 20
    );
    // 64 connections on each address, and what is just being accepted or closed.
    assert!(
        most.0 <= descriptors + 2 * 64 + 32,
        "{} descriptors, {descriptors} before",
        most.0
    );
    assert!(most.1 <= resident + (64 << 20), "{} bytes, {resident} before", most.1);

    // What came of it when it is over: everything answers, the actors were not disturbed.
    let page = wait_for("the metrics", DEADLINE, || get(&admin, "/metrics")).body;
    let restarts = page
        .lines()
        .filter(|line| line.starts_with("tmc_syncer_actor_restarts_total{"));
    assert!(
        restarts.clone().all(|line| line.ends_with(" 0")),
        "{:?}",
        restarts.collect::<Vec<_>>()
    );
    wait_for("the descriptors to be given back", DEADLINE, || {
        match footprint(&syncer).0 {
            now if now <= descriptors + 16 => Ok(()),
            now => Err(format!("{now}, {descriptors} before")),
        }
    });
}

/// Knocks and goes, as a port scan does, and leaves a connection half open.
fn scan(address: &str) {
    for _ in 0..50 {
        drop(connect(address));
    }
    if let Ok(stream) = connect(address) {
        let _ = stream.shutdown(Shutdown::Write);
    }
}

#[test]
fn what_is_asked_wrongly_is_answered_wrongly_and_nothing_more() {
    let stage = Stage::new(1);
    let syncer = stage.run(&[]);
    ready(&syncer);
    let admin = syncer.admin_address();
    for (request, status) in [
        ("POST /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", "405"),
        ("DELETE /debug/actors HTTP/1.1\r\nhost: a\r\n\r\n", "405"),
        ("GET /no/such/page HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        ("GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        ("no request\r\n\r\n", "400"),
    ] {
        let answer = exchange(admin, request.as_bytes()).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {answer:?}"
        );
    }
    // Of requests in a row the first is answered: no connection is kept.
    let row = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10);
    let answers = exchange(admin, row.as_bytes()).unwrap_or_default();
    assert!(answers.matches("HTTP/1.1 200").count() <= 1, "{answers:?}");
}
