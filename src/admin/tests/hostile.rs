//! What no client of good will sends, and what few do: each ends soon, and none takes the server along.

use super::*;

/// By when the server has ended a connection: its own limit, and a machine with other work.
const ENDED: Duration = Duration::from_secs(30);

/// What a client does when it has said all that it has to say.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It waits.
    Waits,
    /// It closes its side, and reads on: half open.
    ClosesItsSide,
}

/// All that comes back until the server ends the connection; a reset ends it as well.
async fn told(address: SocketAddr, said: &[u8], then: Then) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // What the server does not read any more cannot be written: that is its right.
    let _ = stream.write_all(said).await;
    if matches!(then, Then::ClosesItsSide) {
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let read = async {
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut part).await {
            answer.extend_from_slice(&part[..count]);
        }
    };
    let ended = tokio::time::timeout(ENDED, read).await;
    assert!(ended.is_ok(), "still open: {:?}", String::from_utf8_lossy(said));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The codes of all answers in what came back.
fn codes(answers: &str) -> Vec<&str> {
    answers
        .split("HTTP/1.")
        .skip(1)
        .filter_map(|answer| answer.get(2..5))
        .collect()
}

fn request(line: &str, head: &str) -> Vec<u8> {
    format!("{line}\r\nhost: admin\r\n{head}\r\n").into_bytes()
}

#[test]
fn what_is_no_request_is_refused_or_cut_off() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
        hello.extend([0xa5; 512]);
        let long = "a".repeat(64 << 10);
        let cases: [(&str, Vec<u8>); 11] = [
            ("a TLS client hello", hello),
            ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
            ("zeros", vec![0; 4096]),
            ("a long line", request(&format!("GET /{long} HTTP/1.1"), "")),
            (
                "a long header",
                request("GET /livez HTTP/1.1", &format!("x: {long}\r\n")),
            ),
            (
                "many headers",
                request("GET /livez HTTP/1.1", &"x: y\r\n".repeat(5_000)),
            ),
            ("a version to come", request("GET /livez HTTP/9.9", "")),
            (
                "a length below nothing",
                request("POST /livez HTTP/1.1", "content-length: -1\r\n"),
            ),
            (
                "two lengths",
                request("POST /livez HTTP/1.1", "content-length: 1\r\ncontent-length: 2\r\n"),
            ),
            ("a line without an end", long.clone().into_bytes()),
            ("a header with a zero", request("GET /livez HTTP/1.1", "x: a\0b\r\n")),
        ];
        for address in [bench.servers.admin, bench.servers.health.unwrap()] {
            for (what, said) in &cases {
                for then in [Then::Waits, Then::ClosesItsSide] {
                    let answer = told(address, said, then).await;
                    let refused = codes(&answer).iter().all(|code| code.starts_with(['4', '5']));
                    assert!(refused, "{what}, {then:?}: {answer:?}");
                }
            }
            assert_eq!(get(address, "/livez").await.0, OK);
        }
    });
}

#[test]
fn of_requests_in_a_row_the_first_is_answered() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let row = request("GET /livez HTTP/1.1", "").repeat(200);
        for then in [Then::Waits, Then::ClosesItsSide] {
            let answers = told(bench.servers.admin, &row, then).await;
            // A reset may overtake the answer: bytes are left that nobody reads.
            assert!(codes(&answers).len() <= 1, "{answers:?}");
        }
        let two = request("GET /livez HTTP/1.1", "connection: keep-alive\r\n").repeat(2);
        let answers = told(bench.servers.admin, &two, Then::Waits).await;
        assert_eq!(codes(&answers), ["200"], "{answers:?}");
        assert!(answers.contains("connection: close"), "{answers:?}");
    });
}

#[test]
fn who_closes_one_side_after_a_whole_request_gets_the_answer() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        for path in ["/livez", "/readyz?verbose", "/metrics", "/debug/actors"] {
            for version in ["HTTP/1.0", "HTTP/1.1"] {
                let said = request(&format!("GET {path} {version}"), "");
                let answer = told(bench.servers.admin, &said, Then::ClosesItsSide).await;
                let expected = if path.starts_with("/readyz") { "500" } else { "200" };
                assert_eq!(codes(&answer), [expected], "{path} {version}: {answer:?}");
            }
        }
    });
}

#[test]
fn who_says_nothing_or_half_of_it_is_cut_off() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        let halves: [&[u8]; 4] = [b"", b"G", b"GET /livez HTTP/1.1\r\nhost", b"\r\n\r\n"];
        let all = halves.into_iter().flat_map(|half| {
            [Then::Waits, Then::ClosesItsSide].map(|then| async move {
                let answer = told(admin, half, then).await;
                assert!(!answer.contains(" 200 "), "{half:?}, {then:?}: {answer:?}");
            })
        });
        // Side by side: each waits for the server's limit.
        let all: Vec<_> = all.map(|case| tokio::spawn(case)).collect();
        for case in all {
            case.await.unwrap();
        }
        assert_eq!(get(admin, "/livez").await.0, OK);
    });
}

#[test]
fn nobody_is_let_up_to_another_protocol_and_nobody_is_waited_for_with_a_body() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        let upgrades = [
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        ];
        for upgrade in upgrades {
            let answer = told(admin, &request("GET /livez HTTP/1.1", upgrade), Then::Waits).await;
            assert_eq!(codes(&answer), ["200"], "{answer:?}");
        }
        for (line, head) in [
            ("POST /livez HTTP/1.1", "content-length: 10737418240\r\nexpect: 100-continue\r\n"),
            ("PUT /debug/actors HTTP/1.1", "transfer-encoding: chunked\r\n"),
            ("CONNECT example.org:443 HTTP/1.1", ""),
            ("OPTIONS * HTTP/1.1", ""),
            ("TRACE / HTTP/1.1", ""),
            ("GET http://example.org/ HTTP/1.1", "proxy-connection: keep-alive\r\ncontent-length: 0\r\n"),
        ] {
            let answer = told(admin, &request(line, head), Then::Waits).await;
            assert!(!answer.contains(" 100 "), "{line}: {answer:?}");
            // A name of another host in the line is no way out: the page here is what is there.
            let own = line.starts_with("GET");
            let right = codes(&answer).iter().all(|code| code.starts_with('4') || (own && *code == "200"));
            assert!(right && !codes(&answer).is_empty(), "{line}: {answer:?}");
        }
    });
}
