//! Whoever answers at the admin address: what is shown, and that nothing is believed, kept or waited for without end.

use std::future::Future;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::{admin::Admin, report::Report, *};

const METRICS: &str = "\
tmc_syncer_objects{target=\"east\",state=\"desired\"} 3
tmc_syncer_objects{target=\"east\",state=\"held\"} 1
tmc_syncer_target_reachable{target=\"east\"} 1
tmc_syncer_actors{kind=\"Target\"} 1
tmc_syncer_actor_restarts_total{kind=\"Target\",cause=\"panic\"} 2
# EOF
";

/// A server that answers each connection with `answer` of the path.
async fn server<F, A>(answer: F) -> String
where
    F: Fn(String, TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            tokio::spawn(answer(path, stream));
        }
    });
    address
}

async fn answered(mut stream: TcpStream, status: &str, body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A syncer as it should be, but for the page `path`, which is `body`.
async fn syncer_but(path: &'static str, body: String) -> String {
    server(move |asked, stream| {
        let page = asked.split('?').next().unwrap_or_default();
        let tree = json!({"kind": "Supervisor", "key": "", "state": "running", "children": [
            {"kind": "Target", "key": "east", "state": "synced"},
        ]});
        let (status, text) = match page {
            page if page == path => ("200 OK", body.clone()),
            "/readyz" => (
                "500 Internal Server Error",
                "[+]upstream ok\n[-]target west failed\n".to_owned(),
            ),
            "/metrics" => ("200 OK", METRICS.to_owned()),
            _ => ("200 OK", tree.to_string()),
        };
        async move { answered(stream, status, &text).await }
    })
    .await
}

async fn read(address: &str) -> (Report, Result<(), String>) {
    let mut report = Report::default();
    let read = Admin::at(address).unwrap().read(&mut report).await;
    (report, read.map_err(|error| error.to_string()))
}

fn options(arguments: &[&str]) -> StatusOptions {
    use clap::Parser;
    let line = ["tmc-syncer", "status"].iter().chain(arguments);
    match crate::cli::Cli::try_parse_from(line).unwrap().command {
        crate::cli::Command::Status(options) => options,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_running_syncer_alone_is_enough() {
    let address = syncer_but("", String::new()).await;
    let (report, read) = read(&address).await;
    assert_eq!(read, Ok(()));
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["syncer"]["waitingFor"], json!(["target west"]));
    assert_eq!(
        (&value["syncer"]["ready"], &value["syncer"]["restarts"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(value["targets"][0]["objects"], json!({"desired": 3, "held": 1}));
    assert_eq!(value["targets"][0]["state"], "synced");
    assert_eq!(value["targets"][0]["ready"], Value::Null);
}

#[tokio::test]
async fn garbage_is_named_and_not_believed() {
    for (path, body, part) in [
        (
            "/metrics",
            "<html>nginx</html>",
            "/metrics: answered 200 without metrics",
        ),
        ("/debug/actors", "<html>", "/debug/actors: is no tree of actors"),
        ("/debug/actors", "[[[[", "/debug/actors: is no tree of actors"),
    ] {
        let address = syncer_but(path, body.to_owned()).await;
        let (_, read) = read(&address).await;
        let error = read.unwrap_err();
        assert!(error.contains(part) && error.contains(&address), "{error}");
    }
    let deep = "{\"kind\":\"a\",\"key\":\"\",\"state\":\"\",\"children\":[".repeat(100_000);
    let address = syncer_but("/debug/actors", deep).await;
    assert!(read(&address).await.1.unwrap_err().contains("recursion limit"));
    let no_http = server(|_, mut stream| async move {
        let _ = stream.write_all(b"\x00\x01SSH-2.0\r\n").await;
    })
    .await;
    assert!(read(&no_http).await.1.unwrap_err().contains("/readyz?verbose"));
    let bytes = server(|_, mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe")
            .await;
    })
    .await;
    assert!(read(&bytes).await.1.unwrap_err().contains("the answer is no text"));
}

/// An answer without end is not kept, and one that does not come is not waited for.
#[tokio::test]
async fn neither_flood_nor_silence_holds_it_up() {
    let flood = server(|_, mut stream| async move {
        let head = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        let junk = [b'x'; 8 << 10];
        while head.is_ok() && stream.write_all(&junk).await.is_ok() {}
    })
    .await;
    assert!(read(&flood).await.1.unwrap_err().contains("length limit exceeded"));

    let asked_for = Arc::new(Notify::new());
    let told = asked_for.clone();
    let silent = server(move |_, stream| {
        told.notify_one();
        async move {
            std::future::pending::<()>().await;
            drop(stream);
        }
    })
    .await;
    let asked = tokio::spawn(async move { read(&silent).await.1 });
    asked_for.notified().await;
    tokio::time::pause();
    let error = asked.await.unwrap().unwrap_err();
    assert!(error.contains("no whole answer within 10s"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_warning_beside_the_rest() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let sources = Sources::of(&options(&["--admin", &closed])).unwrap();
    let gathered = sources.gather(Timestamp::now()).await;
    assert!(!gathered.is_complete);
    assert_eq!(gathered.report.warnings.len(), 1);
    assert!(gathered.report.warnings[0].contains("give --admin the --admin-address of a running syncer"));

    let error = Sources::of(&options(&["--upstream-kubeconfig", "/nowhere"]))
        .err()
        .unwrap();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[tokio::test]
async fn each_form_shows_the_same() {
    let address = syncer_but("", String::new()).await;
    let (mut report, _) = read(&address).await;
    report.warnings.push("odd\u{1b}[31m".to_owned());
    let printed = |arguments: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut show = Show::new(&options(arguments));
        for _ in 0..2 {
            show.print(&report, &mut out, &mut err).unwrap();
        }
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    let (table, err) = printed(&[]);
    let header = table.lines().next().unwrap();
    assert!(
        header.starts_with("TARGET   READY") && header.contains("HELD"),
        "{table}"
    );
    assert!(
        table.lines().nth(1).unwrap().starts_with("east     -       yes"),
        "{table}"
    );
    assert!(table.contains("  waits for target west\n"), "{table}");
    assert!(err.starts_with("warning: odd [31m\n"), "{err}");

    let (lines, _) = printed(&["-o", "json", "--watch"]);
    let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values.len(), 2);
    let (documents, _) = printed(&["-o", "yaml", "--watch"]);
    assert_eq!(serde_saphyr::from_multiple::<Value>(&documents).unwrap(), values);
    let (pretty, _) = printed(&["-o", "json"]);
    assert!(pretty.starts_with("{\n"), "{pretty}");
}
