use std::{io::ErrorKind, sync::Arc, time::Duration};

use http::Method;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;

use super::client::{APPLY, MAPS, Watch, config_map, get, patch, post, send, server, server_with};
use crate::{ApiServer, Effect, Fault, FaultPlan, ManualClock, Options, Reach, SkewedClock, Verb, Which};

fn always(server: &ApiServer, verb: Verb, effect: Effect) {
    let which = Which {
        verbs: vec![verb],
        resources: vec!["configmaps".to_owned()],
    };
    server.faults().set(FaultPlan {
        faults: vec![Fault {
            which,
            effect,
            odds: 1.0,
            times: Some(1),
        }],
    });
}

async fn kind_of_failure(server: &ApiServer) -> Option<ErrorKind> {
    let body = config_map("a", "v").to_string();
    send(server, Method::POST, MAPS, "application/json", &body)
        .await
        .err()
        .map(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn a_status_is_answered_and_nothing_is_written() {
    let server = server();
    always(
        &server,
        Verb::Create,
        Effect::Status {
            code: 429,
            retry_after: Some(3),
        },
    );
    let answer = post(&server, MAPS, &config_map("a", "v")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["retry-after"].to_str().unwrap()),
        (429, "3")
    );
    assert_eq!(
        (
            answer.json()["reason"].as_str(),
            answer.json()["details"]["retryAfterSeconds"].as_u64()
        ),
        (Some("TooManyRequests"), Some(3))
    );
    assert_eq!((server.count("configmaps"), server.faults().hits()), (0, vec![1]));
    assert_eq!(post(&server, MAPS, &config_map("a", "v")).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_lost_after_the_write_or_the_write_with_it() {
    let server = server();
    always(&server, Verb::Create, Effect::Drop);
    assert_eq!(kind_of_failure(&server).await, Some(ErrorKind::ConnectionReset));
    assert_eq!(server.count("configmaps"), 0);
    always(&server, Verb::Create, Effect::DropAnswer);
    assert_eq!(kind_of_failure(&server).await, Some(ErrorKind::ConnectionReset));
    assert_eq!(server.count("configmaps"), 1);
    always(&server, Verb::Apply, Effect::LateStatus { code: 504 });
    assert_eq!(
        patch(
            &server,
            &format!("{MAPS}/b?fieldManager=me"),
            APPLY,
            &config_map("b", "v")
        )
        .await
        .status,
        504
    );
    assert_eq!(server.count("configmaps"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_may_break_in_the_middle() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    always(&server, Verb::List, Effect::Truncate);
    let response = send(&server, Method::GET, MAPS, "", "").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.into_body().collect().await.unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
}

#[tokio::test(start_paused = true)]
async fn latency_takes_its_time() {
    let server = server();
    always(
        &server,
        Verb::List,
        Effect::Delay {
            least: Duration::from_secs(2),
            most: Duration::from_secs(2),
        },
    );
    let start = tokio::time::Instant::now();
    get(&server, MAPS).await;
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_request_may_hang() {
    let server = server();
    always(&server, Verb::List, Effect::Hang);
    assert!(
        tokio::time::timeout(Duration::from_mins(10), get(&server, MAPS))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn streams_are_cut_and_stalled() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    server.faults().stall_streams();
    post(&server, MAPS, &config_map("a", "v")).await;
    assert!(
        tokio::time::timeout(Duration::from_mins(30), watch.next())
            .await
            .is_err()
    );
    server.faults().resume_streams();
    assert_eq!(watch.names(1).await, ["ADDED a"]);
    server.faults().cut_streams();
    assert_eq!(
        watch.next().await.unwrap().unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert!(watch.next().await.is_none());
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    assert_eq!(watch.names(1).await, ["ADDED a"], "a new stream is whole");
}

#[tokio::test(start_paused = true)]
async fn a_server_may_be_gone_or_silent() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    server.faults().set_reach(Reach::Refused);
    assert!(watch.next().await.unwrap().is_err());
    assert_eq!(kind_of_failure(&server).await, Some(ErrorKind::ConnectionRefused));
    server.faults().set_reach(Reach::Silent);
    assert!(
        tokio::time::timeout(Duration::from_mins(10), get(&server, MAPS))
            .await
            .is_err()
    );
    server.faults().set_reach(Reach::Up);
    assert_eq!(get(&server, MAPS).await.status, 200);
}

#[tokio::test]
async fn answers_are_dated_by_the_clock_of_the_server() {
    let server = server_with(Options::default());
    let right = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    server.set_clock(Arc::new(SkewedClock {
        inner: Arc::new(right.clone()),
        ahead: SignedDuration::from_secs(90),
    }));
    assert_eq!(
        get(&server, MAPS).await.headers["date"],
        "Thu, 01 Jan 2026 00:01:30 GMT"
    );
    right.advance(SignedDuration::from_secs(10));
    assert_eq!(
        post(&server, MAPS, &config_map("a", "v")).await.json()["metadata"]["creationTimestamp"],
        "2026-01-01T00:01:40Z"
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let server = server();
    server.set_token(Some("new".into()));
    assert_eq!(get(&server, MAPS).await.refusal(), (401, "Unauthorized".to_owned()));
}
