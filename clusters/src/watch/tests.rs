//! One scripted test per thing that can happen to a watch.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt as _};
use tokio::time::Instant;

use super::*;
use crate::{
    Health, Next, Then,
    scripted::{Answer, Piece, Script, bookmark, config_maps, event, object, page, status, take, take_for},
};

type Watch = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

fn watch(script: &Script) -> Watch {
    watch_with(script, WatchOptions::default())
}

fn watch_with(script: &Script, options: WatchOptions) -> Watch {
    Box::pin(script.cluster().watch(config_maps(), options))
}

fn streamed() -> WatchOptions {
    WatchOptions {
        initial: InitialList::Streamed,
        ..WatchOptions::default()
    }
}

fn end_of_initial(version: u32) -> String {
    event(
        "BOOKMARK",
        &format!(
            r#"{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}"#
        ),
    )
}

fn one_page() -> Answer {
    Answer::json(page("10", "", &[object("a", 5)]))
}

/// The answer to the look at how far a store is that may have gone back: far enough.
fn look_back() -> Answer {
    Answer::json(page("20", "", &[]))
}

fn a(version: u32) -> String {
    event("MODIFIED", &object("a", version))
}

// --- list, watch, bookmarks, resume ---

#[tokio::test(start_paused = true)]
async fn a_list_in_pages_then_a_watch_from_its_version() {
    let script = Script::of([
        Answer::json(page("10", "t1", &[object("a", 5), object("b", 6)])),
        Answer::json(page("10", "t2", &[object("c", 7)])),
        Answer::json(page("10", "", &[])),
        Answer::lines(&[
            &event("ADDED", &object("d", 11)),
            &a(12),
            &event("DELETED", &object("b", 13)),
        ]),
    ]);
    let options = WatchOptions {
        label_selector: "x=y".into(),
        namespace: "default".into(),
        page_size: 2,
        ..WatchOptions::default()
    };
    let mut watch = watch_with(&script, options);
    let expected = ["list", "+a@5", "+b@6", "+c@7", "listed 3@10", "+d@11", "+a@12", "-b@13"];
    assert_eq!(take(&mut watch, 8).await, expected);
    let base = "GET /api/v1/namespaces/default/configmaps?labelSelector=x%3Dy";
    let lines = script.lines();
    assert_eq!(
        lines[..3],
        [
            format!("{base}&limit=2"),
            format!("{base}&limit=2&continue=t1"),
            format!("{base}&limit=2&continue=t2")
        ]
    );
    assert!(
        lines[3].starts_with(&format!("{base}&watch=true&allowWatchBookmarks=true&timeoutSeconds=")),
        "{}",
        lines[3]
    );
    assert!(lines[3].ends_with("&resourceVersion=10"), "{}", lines[3]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_stream_resumes_from_the_last_bookmark_without_a_word() {
    let script = Script::of([
        one_page(),
        Answer::Stream(vec![
            Piece::Text(format!("{}\n", a(11))),
            Piece::After(Duration::from_mins(1)),
            Piece::Text(format!("{}\n", bookmark(20))),
        ]),
        look_back(),
        Answer::Stream(vec![Piece::After(Duration::from_secs(250))]),
        look_back(),
        Answer::lines(&[&a(30)]),
    ]);
    let mut watch = watch(&script);
    assert_eq!(
        take(&mut watch, 5).await,
        ["list", "+a@5", "listed 1@10", "+a@11", "+a@30"]
    );
    let lines = script.lines();
    assert!(
        lines[3].ends_with("resourceVersion=20") && lines[5].ends_with("resourceVersion=20"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_streams_at_once_is_not_asked_hot() {
    let ended = (0..90).flat_map(|_| [Answer::Stream(Vec::new()), look_back()]);
    let script = Script::of([one_page()].into_iter().chain(ended));
    let mut watch = watch(&script);
    assert_eq!(take(&mut watch, 3).await.len(), 3);
    assert_eq!(take_for(&mut watch, Duration::from_mins(10)).await, [""; 0]);
    // Each stream, and the look at how far the store is.
    assert!(script.lines().len() < 90, "{} requests", script.lines().len());
}

// --- 410 ---

#[tokio::test(start_paused = true)]
async fn an_expired_version_leads_to_a_new_list_as_event_and_as_status() {
    let gone = [
        Answer::Stream(vec![
            Piece::After(Duration::from_mins(1)),
            Piece::Text(format!("{}\n", event("ERROR", &status(410, "Expired")))),
        ]),
        Answer::status(410, "Gone"),
    ];
    for gone in gone {
        let script = Script::of([
            one_page(),
            gone,
            Answer::json(page("50", "", &[object("b", 40)])),
            Answer::lines(&[&a(51)]),
        ]);
        let mut watch = watch(&script);
        assert_eq!(
            take(&mut watch, 6).await,
            ["list", "+a@5", "listed 1@10", "list", "+b@40", "listed 1@50"]
        );
        assert_eq!(take(&mut watch, 1).await, ["+a@51"]);
        assert!(
            script.lines()[3].ends_with("resourceVersion=50"),
            "{:?}",
            script.lines()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn versions_that_always_expire_are_told_and_not_asked_hot() {
    let script = Script::of([]).then_always(|| Answer::status(410, "Expired"));
    let mut watch = watch(&script);
    let events = take_for(&mut watch, Duration::from_mins(10)).await;
    assert_eq!(events, ["interrupted 410 Expired: said the server"]);
    assert!(script.lines().len() < 45, "{} requests", script.lines().len());
}

// --- streaming lists ---

#[tokio::test(start_paused = true)]
async fn a_streamed_list_is_complete_at_its_bookmark() {
    let script = Script::of([Answer::lines(&[
        &event("ADDED", &object("a", 5)),
        &event("ADDED", &object("b", 6)),
        &end_of_initial(10),
        &a(11),
    ])]);
    let mut watch = watch_with(&script, streamed());
    assert_eq!(
        take(&mut watch, 5).await,
        ["list", "+a@5", "+b@6", "listed 2@10", "+a@11"]
    );
    assert!(
        script.lines()[0].ends_with("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
        "{:?}",
        script.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_that_is_cut_starts_over() {
    let script = Script::of([
        Answer::Stream(vec![
            Piece::Text(format!("{}\n", event("ADDED", &object("a", 5)))),
            Piece::Broken,
        ]),
        Answer::lines(&[&event("ADDED", &object("b", 6)), &end_of_initial(10)]),
    ]);
    let mut watch = watch_with(&script, streamed());
    let expected = [
        "list",
        "+a@5",
        "interrupted connection broken: connection reset",
        "recovered",
        "list",
        "+b@6",
        "listed 1@10",
    ];
    assert_eq!(take(&mut watch, 7).await, expected);
}

#[tokio::test(start_paused = true)]
async fn refused_or_silent_streaming_lists_fall_back_to_pages_for_good() {
    let silent = || Answer::lines(&[&event("ADDED", &object("x", 1)), &bookmark(9)]);
    for refusal in [
        Answer::status(422, "Invalid"),
        silent(),
        Answer::Stream(vec![Piece::Silence]),
    ] {
        let script = Script::of([
            refusal,
            one_page(),
            Answer::lines(&[]),
            Answer::json(page("20", "", &[])),
            Answer::lines(&[]),
        ]);
        let cluster = script.cluster();
        let mut first: Watch = Box::pin(cluster.watch(config_maps(), streamed()));
        let events = take_for(&mut first, Duration::from_mins(1)).await;
        assert_eq!(
            events[events.len() - 3..],
            ["list", "+a@5", "listed 1@10"],
            "{events:?}"
        );
        assert!(
            events.iter().filter(|event| event.starts_with("listed")).count() == 1,
            "{events:?}"
        );
        let mut second: Watch = Box::pin(cluster.watch(config_maps(), streamed()));
        assert_eq!(
            take(&mut second, 2).await,
            ["list", "listed 0@20"],
            "it is remembered per server"
        );
    }
}

// --- lists that prove nothing ---

#[tokio::test(start_paused = true)]
async fn an_expired_continue_token_starts_the_list_over() {
    let script = Script::of([
        Answer::json(page("10", "t1", &[object("a", 5)])),
        Answer::status(410, "Expired"),
        Answer::json(page("20", "t2", &[object("a", 15)])),
        Answer::status(410, "Expired"),
        Answer::json(page("30", "", &[object("a", 25), object("b", 26)])),
    ]);
    let mut watch = watch(&script);
    assert_eq!(
        take(&mut watch, 8).await,
        ["list", "+a@5", "list", "+a@15", "list", "+a@25", "+b@26", "listed 2@30"]
    );
    let lines = script.lines();
    assert!(
        lines[2].ends_with("?limit=500"),
        "the token is not used again: {lines:?}"
    );
    assert!(
        lines[4].ends_with("?limit=0"),
        "a list that outlives its tokens is read in one piece: {lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_of_two_versions_are_no_complete_list() {
    let script = Script::of([
        Answer::json(page("10", "t1", &[object("a", 5)])),
        Answer::json(page("11", "", &[object("b", 6)])),
        Answer::json(page("12", "", &[object("a", 5), object("b", 6)])),
    ]);
    let mut watch = watch(&script);
    assert_eq!(
        take(&mut watch, 6).await,
        ["list", "+a@5", "list", "+a@5", "+b@6", "listed 2@12"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_version_or_without_items_is_never_complete() {
    let wrong = [
        page("", "", &[]),
        page("0", "", &[]),
        r#"{"kind":"ConfigMapList","metadata":{}}"#.to_owned(),
        r#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"}}"#.to_owned(),
        "{}".to_owned(),
        page("10", "", &[object("a", 5)]).split_at(90).0.to_owned(),
        "<html>login</html>".to_owned(),
    ];
    for wrong in wrong {
        let script = Script::of([Answer::json(wrong.clone()), one_page()]);
        let mut watch = watch(&script);
        let events = take(&mut watch, 5).await;
        assert!(events[0].starts_with("interrupted"), "{wrong}: {events:?}");
        assert_eq!(events[1..], ["recovered", "list", "+a@5", "listed 1@10"], "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_asked_for_again_and_the_list_stays_incomplete_until_then() {
    for failure in [
        Answer::Refused,
        Answer::status(500, "InternalError"),
        Answer::status(503, ""),
        Answer::Silence,
    ] {
        let script = Script::of([
            Answer::json(page("10", "t1", &[object("a", 5)])),
            failure,
            Answer::json(page("10", "", &[object("b", 6)])),
        ]);
        let mut watch = watch(&script);
        let events = take(&mut watch, 6).await;
        assert_eq!(events[..2], ["list", "+a@5"]);
        assert!(events[2].starts_with("interrupted"), "{events:?}");
        assert_eq!(events[3..], ["recovered", "+b@6", "listed 2@10"]);
        let lines = script.lines();
        assert_eq!(lines[1], lines[2]);
    }
}

// --- cut and stalled streams ---

#[tokio::test(start_paused = true)]
async fn a_cut_stream_resumes_and_half_a_line_is_nothing() {
    let half = a(12).split_at(40).0.to_owned();
    let cuts = [
        vec![Piece::Text(format!("{}\n{half}", a(11))), Piece::Broken],
        vec![
            Piece::Text(format!("{}\n{half}", a(11))),
            Piece::After(Duration::from_mins(1)),
        ],
    ];
    for cut in cuts {
        let script = Script::of([one_page(), Answer::Stream(cut), look_back(), Answer::lines(&[&a(12)])]);
        let mut watch = watch(&script);
        let mut events = take(&mut watch, 5).await;
        if events[4].starts_with("interrupted") {
            assert_eq!(take(&mut watch, 1).await, ["recovered"]);
            events.pop();
            events.extend(take(&mut watch, 1).await);
        }
        assert_eq!(events, ["list", "+a@5", "listed 1@10", "+a@11", "+a@12"]);
        assert!(script.lines()[3].ends_with("resourceVersion=11"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_stream_is_cut_and_resumed() {
    let script = Script::of([
        one_page(),
        Answer::lines(&[&a(11)]),
        look_back(),
        Answer::lines(&[&a(12)]),
    ]);
    let mut watch = watch(&script);
    assert_eq!(take(&mut watch, 4).await.len(), 4);
    let start = Instant::now();
    let events = take(&mut watch, 3).await;
    assert!(
        events[0].starts_with("interrupted no event and no bookmark for"),
        "{events:?}"
    );
    assert_eq!(events[1..], ["recovered", "+a@12"]);
    let waited = start.elapsed();
    assert!(
        waited > Duration::from_mins(4) && waited < Duration::from_secs(310),
        "{waited:?}"
    );
    assert!(script.lines()[3].ends_with("resourceVersion=11"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_does_not_start_is_given_up_in_time() {
    let script = Script::of([one_page(), Answer::Silence, look_back(), Answer::lines(&[&a(12)])]);
    let mut watch = watch(&script);
    assert_eq!(take(&mut watch, 3).await.len(), 3);
    let start = Instant::now();
    assert_eq!(
        take(&mut watch, 3).await,
        ["interrupted no answer within 30.0s", "recovered", "+a@12"]
    );
    assert!(start.elapsed() < Duration::from_secs(32));
}

#[tokio::test(start_paused = true)]
async fn a_garbled_event_leads_to_a_resume_and_then_to_a_new_list() {
    let script = Script::of([
        one_page(),
        Answer::lines(&["{\"type\":\"ADDED\",\"object\":hunter2}"]),
        Answer::lines(&["{\"type\":\"SURPRISE\",\"object\":{}}"]),
        Answer::lines(&["{\"object\":{}}"]),
        Answer::lines(&["[]"]),
        Answer::json(page("20", "", &[])),
    ]);
    let mut watch = watch(&script);
    let events = take(&mut watch, 7).await;
    assert_eq!(events[..3], ["list", "+a@5", "listed 1@10"]);
    assert_eq!(
        events[3], "interrupted unexpected answer: an event is no JSON at line 1 column 26",
        "without its content"
    );
    assert_eq!(events[4..], ["recovered", "list", "listed 0@20"], "told once");
    assert_eq!(
        script
            .lines()
            .iter()
            .filter(|line| line.ends_with("resourceVersion=10"))
            .count(),
        4
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_is_told_to_be_good_after_a_while() {
    let script = Script::of([one_page(), Answer::status(500, "InternalError"), Answer::lines(&[])]);
    let mut watch = watch(&script);
    let events = take(&mut watch, 5).await;
    assert_eq!(
        events[3..],
        ["interrupted 500 InternalError: said the server", "recovered"]
    );
    assert!(script.asked()[2].at.elapsed() == Duration::from_secs(5));
}

// --- refusals ---

#[tokio::test(start_paused = true)]
async fn refusals_are_told_once_waited_out_and_followed_by_a_new_list() {
    for (code, reason, next) in [
        (401, "Unauthorized", Next::Reauthenticate),
        (403, "Forbidden", Next::Forbidden),
        (404, "NotFound", Next::Unserved),
        (405, "MethodNotAllowed", Next::Unserved),
    ] {
        // At the list.
        let script = Script::of((0..10).map(|_| Answer::status(code, reason)).chain([one_page()]));
        let mut first = watch(&script);
        let Some(WatchEvent::Interrupted(error)) = first.next().await else {
            panic!("not interrupted");
        };
        assert_eq!((error.next(), error.plan().unwrap().then), (next, Then::Relist));
        let start = Instant::now();
        assert_eq!(take(&mut first, 4).await, ["recovered", "list", "+a@5", "listed 1@10"]);
        assert!(
            start.elapsed() > Duration::from_mins(2),
            "{code}: {:?} for ten refusals",
            start.elapsed()
        );
        // At the watch: what happened meanwhile was withheld, so it is listed anew, and nothing counts as deleted.
        let script = Script::of([
            one_page(),
            Answer::status(code, reason),
            Answer::json(page("20", "", &[object("b", 15)])),
        ]);
        let mut second = watch(&script);
        let events = take(&mut second, 8).await;
        assert!(events[3].starts_with(&format!("interrupted {code}")), "{events:?}");
        assert_eq!(events[4..], ["recovered", "list", "+b@15", "listed 1@20"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_stays_unserved_costs_a_request_a_minute() {
    let script = Script::of([]).then_always(|| Answer::Whole(404, Vec::new(), "404 page not found".into()));
    let mut watch = watch(&script);
    assert_eq!(
        take_for(&mut watch, Duration::from_hours(1)).await,
        ["interrupted 404 Not Found"]
    );
    assert!(
        (55..130).contains(&script.lines().len()),
        "{} requests",
        script.lines().len()
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_to() {
    for at_watch in [false, true] {
        let busy = Answer::Whole(429, vec![("retry-after", "17".into())], String::new());
        let mut answers = vec![busy, one_page(), Answer::lines(&[&a(11)])];
        if at_watch {
            answers.swap(0, 1);
        }
        let script = Script::of(answers);
        let mut watch = watch(&script);
        take(&mut watch, 5).await;
        let asked = script.asked();
        let (from, to) = if at_watch { (1, 2) } else { (0, 1) };
        let waited = asked[to].at - asked[from].at;
        assert!(
            waited >= Duration::from_secs(17) && waited <= Duration::from_secs(21),
            "{waited:?}"
        );
        let again = if at_watch { "resourceVersion=10" } else { "limit=500" };
        assert!(asked[to].line.ends_with(again), "{:?}", asked[to]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_always_refused_is_given_up_for_a_new_list() {
    let too_large = || Answer::Whole(504, Vec::new(), status(504, "Timeout"));
    let script = Script::of([
        one_page(),
        too_large(),
        too_large(),
        too_large(),
        too_large(),
        Answer::json(page("3", "", &[])),
    ]);
    let mut watch = watch(&script);
    let events = take(&mut watch, 7).await;
    assert_eq!(events[4..], ["recovered", "list", "listed 0@3"], "{events:?}");
}

// --- unreachable ---

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_gone_is_told_once_and_the_watch_is_back_as_soon_as_it_is() {
    let script = Script::of([one_page()]).then_always(|| Answer::Refused);
    let cluster = script.cluster();
    let mut watch: Watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
    assert_eq!(take(&mut watch, 3).await.len(), 3);
    let events = take_for(&mut watch, Duration::from_mins(30)).await;
    assert_eq!(events, ["interrupted connection broken: connection refused"]);
    assert!(
        script.asked().len() < 110,
        "{} requests in half an hour",
        script.asked().len()
    );
    let probes = script
        .asked()
        .iter()
        .filter(|asked| asked.line == "GET /readyz")
        .count();
    assert!(probes > 50, "the breaker probes: {probes}");
    let Health::Open { next_probe, .. } = cluster.health().borrow().clone() else {
        panic!("the breaker is closed");
    };
    script.push(Answer::json("ok"));
    script.push(look_back());
    script.push(Answer::lines(&[&a(11)]));
    let back = take(&mut watch, 2).await;
    assert_eq!(back, ["recovered", "+a@11"]);
    assert!(
        Instant::now() <= next_probe + Duration::from_millis(10),
        "resumed at once when the probe was answered"
    );
    assert!(script.lines().last().unwrap().ends_with("resourceVersion=10"));
}

// --- many logical clusters ---

#[tokio::test(start_paused = true)]
async fn a_wildcard_stream_keeps_same_named_objects_apart() {
    let of = |cluster: &str, version: u32| {
        format!(
            r#"{{"metadata":{{"name":"web","namespace":"default","resourceVersion":"{version}","annotations":{{"kcp.io/cluster":"{cluster}"}}}}}}"#
        )
    };
    let script = Script::of([
        Answer::json(page("10", "", &[of("1abc", 5), of("2xyz", 6)])),
        Answer::lines(&[&event("DELETED", &of("1abc", 11)), &event("MODIFIED", &of("2xyz", 12))]),
    ]);
    let cluster = script
        .cluster()
        .with_base("http://east.test/services/apiexport/root/shop")
        .unwrap();
    let options = WatchOptions {
        wildcard: true,
        ..WatchOptions::default()
    };
    let mut watch: Watch = Box::pin(cluster.watch(config_maps(), options));
    let expected = [
        "list",
        "+1abc|web@5",
        "+2xyz|web@6",
        "listed 2@10",
        "-1abc|web@11",
        "+2xyz|web@12",
    ];
    assert_eq!(take(&mut watch, 6).await, expected);
    assert!(
        script.lines()[0].starts_with("GET /services/apiexport/root/shop/clusters/*/api/v1/configmaps?"),
        "{:?}",
        script.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_name_its_cluster_is_never_taken_for_one_of_another() {
    let script =
        Script::of([Answer::json(page("10", "", &[object("a", 5)]))]).then_always(|| Answer::status(403, "Forbidden"));
    let options = WatchOptions {
        wildcard: true,
        ..WatchOptions::default()
    };
    let mut watch = watch_with(&script, options);
    let events = take(&mut watch, 1).await;
    assert!(events[0].starts_with("interrupted unexpected answer"), "{events:?}");
}

// --- repair ---

#[tokio::test(start_paused = true)]
async fn the_collection_is_listed_anew_at_a_long_jittered_interval() {
    let script = Script::of((0..3).flat_map(|_| [one_page(), Answer::Stream(vec![Piece::Silence])]));
    let options = WatchOptions {
        relist_every: Duration::from_secs(100),
        ..WatchOptions::default()
    };
    let mut watch = watch_with(&script, options);
    assert_eq!(take(&mut watch, 9).await, ["list", "+a@5", "listed 1@10"].repeat(3));
    let at: Vec<_> = script
        .asked()
        .into_iter()
        .filter(|asked| asked.line.contains("limit"))
        .map(|asked| asked.at)
        .collect();
    for pair in at.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(
            apart >= Duration::from_secs(80) && apart <= Duration::from_mins(2),
            "{apart:?}"
        );
    }
    assert_ne!(at[1] - at[0], at[2] - at[1], "jittered");
}

// --- being left unread ---

#[tokio::test(start_paused = true)]
async fn a_dropped_watch_gives_its_place_back() {
    let script = Script::of([one_page(), Answer::lines(&[])]);
    let cluster = script.cluster();
    let mut watch: Watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
    take_for(&mut watch, Duration::from_secs(1)).await;
    assert_eq!(cluster.shared().lanes().watch_lanes(), [1]);
    drop(watch);
    assert_eq!(cluster.shared().lanes().watch_lanes(), [0]);
}

// --- another server under the same address ---

/// Vouches, or does not, in the order of the list; afterwards it does.
#[derive(Debug)]
struct Vouching(std::sync::Mutex<std::collections::VecDeque<bool>>);

impl Witness for Vouching {
    fn vouch(&self) -> futures::future::BoxFuture<'_, Result<(), crate::Cause>> {
        let vouches = self.0.lock().unwrap().pop_front().unwrap_or(true);
        let refused = crate::Cause::Unvouched("another server".into());
        Box::pin(async move { if vouches { Ok(()) } else { Err(refused) } })
    }
}

fn witnessed(script: &Script, vouches: impl IntoIterator<Item = bool>) -> Watch {
    let witness = Vouching(std::sync::Mutex::new(vouches.into_iter().collect()));
    let options = WatchOptions {
        witness: Some(Arc::new(witness)),
        ..WatchOptions::default()
    };
    watch_with(script, options)
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_list_is_told_that_another_server_gave() {
    let script = Script::of([
        Answer::json(page("10", "", &[object("theirs", 5)])),
        Answer::json(page("10", "t1", &[object("a", 5)])),
        Answer::json(page("10", "", &[object("theirs", 6)])),
        Answer::json(page("20", "", &[object("a", 5), object("b", 6)])),
    ]);
    let mut watch = witnessed(&script, [false, true, false, true]);
    let told = take(&mut watch, 10).await;
    assert_eq!(
        told.iter().filter(|told| told.contains("theirs")).count(),
        0,
        "{told:?}"
    );
    assert_eq!(told.last().map(String::as_str), Some("listed 2@20"), "{told:?}");
    assert!(told.iter().any(|told| told.contains("another server")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_stream_is_told_that_another_server_opened_and_all_is_listed_anew() {
    let script = Script::of([
        one_page(),
        Answer::lines(&[&event("ADDED", &object("theirs", 11))]),
        Answer::json(page("20", "", &[object("a", 5)])),
        Answer::lines(&[&a(21)]),
    ]);
    let mut watch = witnessed(&script, [true, false, true, true]);
    let told = take(&mut watch, 9).await;
    assert!(told.iter().all(|told| !told.contains("theirs")), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("+a@21"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_came_back_older_is_listed_anew_where_a_watch_would_be_silent() {
    let broken = || Answer::Stream(vec![Piece::Broken]);
    let script = Script::of([
        Answer::json(page("20", "", &[object("a", 5), object("b", 6)])),
        broken(),
        Answer::json(page("25", "t", &[object("a", 21)])),
        broken(),
        Answer::json(page("10", "t", &[object("a", 5)])),
        Answer::json(page("10", "", &[object("a", 5)])),
    ]);
    let mut watch = watch(&script);
    let told = take(&mut watch, 11).await;
    assert_eq!(told.last().map(String::as_str), Some("listed 1@10"), "{told:?}");
    let lines = script.lines();
    assert!(
        lines[2].ends_with("limit=1") && lines[3].contains("resourceVersion=20"),
        "{lines:?}"
    );
    assert!(
        lines[4].ends_with("limit=1") && lines[5].ends_with("limit=500"),
        "{lines:?}"
    );
}
