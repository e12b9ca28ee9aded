//! The pages, over real sockets.

mod hostile;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use syncer_actors::runtime::{Actor, Address, Context, Failure, Message, Runtime, Settings, Signals, Spec};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{connections::MAX_CONNECTIONS, *};

/// Hangs when it is told to, until it is let go.
struct Idle(Arc<Barrier>);

struct Hang;

impl Message for Hang {}

impl Actor for Idle {
    const KIND: &'static str = "Idle";
    type Message = Hang;

    fn handle(&mut self, _message: &Hang, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.0.wait();
        self.0.wait();
        Ok(())
    }
}

struct Bench {
    _runtime: Runtime,
    actor: Address<Hang>,
    barrier: Arc<Barrier>,
    listed: Arc<AtomicBool>,
    servers: Servers,
}

fn pool() -> Arc<tokio::runtime::Runtime> {
    Arc::new(
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap(),
    )
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn bench(pool: &Arc<tokio::runtime::Runtime>) -> Bench {
    let signals = Signals::new();
    let mut registry = Registry::default();
    signals.register(&mut registry);
    let settings = Settings {
        signals,
        ..Settings::default()
    };
    let mut runtime = Runtime::threaded(settings, 1, pool).unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let shared = Arc::clone(&barrier);
    let (actor, _) = runtime.start(Spec::new("root"), move || Idle(Arc::clone(&shared)));
    let listed = Arc::new(AtomicBool::new(false));
    let condition = Arc::clone(&listed);
    let shown = Shown {
        leadership: None,
        tree: runtime.tree(),
        probe: runtime.probe(),
        ready: Arc::new(move || {
            BTreeMap::from([
                ("upstream".to_owned(), condition.load(Ordering::SeqCst)),
                ("target east".to_owned(), true),
            ])
        }),
        metrics: Arc::new(registry),
        recent: Recent::default(),
        verdicts: Verdicts::default(),
    };
    let servers = serve(shown, any_port(), Some(any_port())).await.unwrap();
    Bench {
        _runtime: runtime,
        actor,
        barrier,
        listed,
        servers,
    }
}

/// The status line, the head and the body of the answer to a GET.
async fn get(address: SocketAddr, path: &str) -> (String, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, head) = head.split_once("\r\n").unwrap();
    (status.to_owned(), head.to_owned(), body.to_owned())
}

const OK: &str = "HTTP/1.1 200 OK";
const FAILED: &str = "HTTP/1.1 500 Internal Server Error";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found";

#[test]
fn readiness_names_what_is_waited_for() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        let (status, _, body) = get(admin, "/readyz").await;
        assert_eq!(
            (status.as_str(), body.as_str()),
            (FAILED, "[+]target east ok\n[-]upstream failed\nreadyz check failed\n")
        );
        bench.listed.store(true, Ordering::SeqCst);
        let (status, _, body) = get(admin, "/readyz").await;
        assert_eq!((status.as_str(), body.as_str()), (OK, "ok"));
        let (_, _, body) = get(admin, "/readyz?verbose").await;
        assert_eq!(body, "[+]target east ok\n[+]upstream ok\nreadyz check passed\n");
    });
}

#[test]
fn liveness_fails_while_an_actor_thread_hangs() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        for path in ["/livez", "/healthz"] {
            let (status, _, body) = get(admin, path).await;
            assert_eq!((status.as_str(), body.as_str()), (OK, "ok"), "{path}");
        }
        let (_, _, body) = get(admin, "/livez?verbose").await;
        assert_eq!(body, "[+]actor-thread-0 ok\nlivez check passed\n");
        bench.actor.offer(Hang).await.unwrap();
        bench.barrier.wait();
        let (status, _, body) = get(admin, "/livez").await;
        assert_eq!(
            (status.as_str(), body.as_str()),
            (FAILED, "[-]actor-thread-0 failed\nlivez check failed\n")
        );
        let (status, _, _) = get(admin, "/debug/actors").await;
        assert_eq!(status, OK, "the tree answers all the same");
        bench.barrier.wait();
        let (status, _, _) = get(admin, "/livez").await;
        assert_eq!(status, OK);
    });
}

#[test]
fn metrics_are_open_metrics_and_the_tree_is_json_on_the_admin_address_only() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let (admin, health) = (bench.servers.admin, bench.servers.health.unwrap());
        for address in [admin, health] {
            let (status, head, body) = get(address, "/metrics").await;
            assert_eq!(status, OK);
            assert!(
                head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
                "{head}"
            );
            assert!(
                body.contains("tmc_syncer_actors{kind=\"Idle\"} 1\n") && body.ends_with("# EOF\n"),
                "{body}"
            );
            for path in ["/livez", "/healthz"] {
                assert_eq!(get(address, path).await.0, OK);
            }
        }
        let (status, _, body) = get(admin, "/debug/actors?children=5").await;
        let tree: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status.as_str(), &tree["kind"], &tree["key"]),
            (OK, &"Idle".into(), &"root".into())
        );
        for path in [
            "/debug/actors",
            "/debug/leader",
            "/debug/recent",
            "/debug/verdicts",
            "/",
            "/page.js",
        ] {
            assert_eq!(get(health, path).await.0, NOT_FOUND, "{path}");
        }
        assert_eq!(get(admin, "/unknown").await.0, NOT_FOUND);
    });
}

#[test]
fn a_thousand_slow_connections_keep_no_probe_out_and_do_not_last() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let address = bench.servers.health.unwrap();
        let mut slow = Vec::new();
        for number in 0..1_000 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Half say nothing, half never come to an end.
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await;
            }
            slow.push(stream);
        }
        let begun = Instant::now();
        assert_eq!(get(address, "/livez").await.0, OK);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        // All but the newest are closed at once, and those soon.
        let mut byte = [0; 1];
        for (number, stream) in slow.iter_mut().enumerate() {
            let closed = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await;
            assert!(closed.is_ok(), "connection {number} is still open");
            if number + MAX_CONNECTIONS < 1_000 {
                assert!(
                    begun.elapsed() < Duration::from_secs(2),
                    "connection {number} gave way late"
                );
            }
        }
    });
}

#[test]
fn an_address_that_is_taken_is_named_with_the_option_to_change() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let taken = bench.servers.admin;
        let Err(error) = listen(taken, "admin-address").await else {
            panic!("two servers on one address")
        };
        let message = error.to_string();
        let begin = format!("cannot listen on {taken}: ");
        assert!(
            message.starts_with(&begin) && message.ends_with("; give another --admin-address"),
            "{message}"
        );
    });
}

#[test]
fn the_servers_end_when_they_are_dropped() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        drop(bench);
        for _ in 0..1_000 {
            if TcpStream::connect(admin).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("still listening on {admin}");
    });
}

#[test]
fn the_page_is_of_one_piece_and_takes_nothing_from_elsewhere() {
    let pool = pool();
    pool.block_on(async {
        let bench = bench(&pool).await;
        let admin = bench.servers.admin;
        let (status, _, leader) = get(admin, "/debug/leader").await;
        assert_eq!((status.as_str(), leader.as_str()), (OK, r#"{"election":"off"}"#));
        let (status, _, recent) = get(admin, "/debug/recent").await;
        assert_eq!((status.as_str(), recent.as_str()), (OK, "[]"));
        let (status, _, verdicts) = get(admin, "/debug/verdicts?object=web/a&limit=3").await;
        assert_eq!((status.as_str(), verdicts.as_str()), (OK, "[]"));
        for (path, kind) in [
            ("/", "text/html"),
            ("/page.css", "text/css"),
            ("/page.js", "text/javascript"),
        ] {
            let (status, head, body) = get(admin, path).await;
            assert_eq!(status, OK, "{path}");
            assert!(head.contains(&format!("content-type: {kind}")), "{path}: {head}");
            assert!(
                head.contains("content-security-policy: default-src 'none'"),
                "{path}: {head}"
            );
            // The one address is the name of a namespace of XML.
            let elsewhere = body.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("://") && !elsewhere.contains("innerHTML"), "{path}");
        }
    });
}
