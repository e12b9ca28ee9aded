//! What a watch does in each of its states.

use std::{sync::Arc, time::Duration};

use http::Method;
use syncer_core::identity::ResourceType;
use tokio::time::Instant;

use super::{
    CompleteList, Content, InitialList, WatchEvent,
    event::Line,
    lines::Lines,
    machine::{History, Initial, Machine, Paging, Reading, State},
};
use crate::{
    Cause, Restart, Verb, Witness,
    cluster::{Call, JSON},
    error::Subject,
    object::Page,
    url::Path,
};

const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// The server's own timeout comes first; a stream that outlives it by this much is dead.
const GRACE: Duration = Duration::from_secs(15);
/// A streamed list that brings nothing for so long will not come: servers that ignore the request for it keep silent.
const INITIAL_SILENCE: Duration = Duration::from_secs(30);
/// After so many expired tokens the list is read in one piece: it takes longer than tokens live.
const EXPIRED_TOKENS: u32 = 2;
const NO_LIMIT: &str = "0";

impl Machine {
    /// Goes one step on.
    pub(super) async fn step(&mut self) {
        match std::mem::replace(&mut self.state, State::Fresh) {
            State::Fresh if self.streams_lists() => self.open(None).await,
            State::Fresh => {
                self.listed_at = Some(Instant::now());
                self.state = State::Paging(Paging::start());
            }
            State::Paging(paging) => self.page(paging).await,
            State::Resuming(version) if self.history == History::Doubtful => self.look_back(version).await,
            State::Resuming(version) => self.open(Some(version)).await,
            State::Reading(reading) => self.read(reading).await,
            State::Paused { until, then } => {
                self.pause(until).await;
                self.state = *then;
            }
        }
    }

    fn streams_lists(&self) -> bool {
        self.options.initial == InitialList::Streamed && self.cluster.shared().serves_streaming_lists()
    }

    // --- a list in pages ---

    async fn page(&mut self, paging: Paging) {
        let call = self.call(Verb::List, METADATA_LIST, self.page_path(&paging));
        let outcome = async {
            let page = self.list(&call).await?;
            // Without a version nothing can be concluded from a list (S3); kcp answers so where nothing is bound yet.
            if matches!(&*page.resource_version, "" | "0") {
                return Err(Cause::NoResourceVersion);
            }
            vouched(self.options.witness.clone()).await?;
            Ok(page)
        };
        match outcome.await {
            Ok(page) if paging.is_continued_by(&page) => self.take_page(paging, page),
            // Another version than the first page's: two states of the store, which prove nothing together (S3).
            Ok(_) => self.token_expired(Cause::Api(crate::Status::bare(410))),
            Err(Cause::Api(status)) if status.code() == 410 => self.token_expired(Cause::Api(status)),
            Err(Cause::TooLarge(limit)) => {
                self.options.page_size = (self.options.page_size / 2).max(1);
                self.failed(Verb::List, Cause::TooLarge(limit), State::Fresh);
            }
            Err(cause) => self.failed(Verb::List, cause, State::Paging(paging)),
        }
    }

    /// One page, as the server has it now.
    async fn list(&mut self, call: &Call) -> Result<Page, Cause> {
        self.cluster.shared().admit()?;
        let channel = self.lease().channel();
        let deadline = self.cluster.shared().limits.list_timeout;
        let reply = self.cluster.exchange(channel, call, deadline).await?;
        let text = std::str::from_utf8(&reply.body).map_err(|_| Cause::Decode("the list is no UTF-8".into()))?;
        Page::decode(text, &mut self.decoder).map_err(|error| Cause::decode("the list", &error))
    }

    fn page_path(&self, paging: &Paging) -> Path {
        let limit = if self.expired_tokens >= EXPIRED_TOKENS {
            NO_LIMIT.to_owned()
        } else {
            self.options.page_size.to_string()
        };
        self.collection()
            .with("limit", &limit)
            .with_some("continue", &paging.next)
    }

    fn take_page(&mut self, mut paging: Paging, page: Page) {
        self.recovered();
        if paging.version.is_empty() {
            self.ready.push_back(WatchEvent::ListStarted);
            paging.version.clone_from(&page.resource_version);
        }
        paging.count += page.items.len();
        self.ready.extend(page.items.into_iter().map(WatchEvent::Applied));
        paging.next = page.next;
        if paging.next.is_empty() {
            self.listed(&paging.version, paging.count, paging.started);
            self.state = State::Resuming(paging.version);
        } else {
            self.state = State::Paging(paging);
        }
    }

    fn token_expired(&mut self, cause: Cause) {
        self.expired_tokens += 1;
        self.expired(Verb::List, cause);
    }

    fn listed(&mut self, version: &str, count: usize, started: Instant) {
        self.expired_tokens = 0;
        let jitter = 0.8 + self.random.f64() * 0.4;
        self.relist_at = Instant::now() + self.options.relist_every.mul_f64(jitter);
        self.ready.push_back(WatchEvent::Listed(CompleteList {
            resource: self.resource.clone(),
            resource_version: version.into(),
            count,
            started,
            finished: Instant::now(),
        }));
    }

    /// Asks how far the server's store is: one that came back older than what was told is listed anew. A watch from there would be accepted,
    /// and say nothing until the store has come that far again.
    async fn look_back(&mut self, version: Box<str>) {
        let path = self.collection().with("limit", "1");
        let call = self.call(Verb::List, METADATA_LIST, path);
        match self.list(&call).await {
            Ok(page) if is_older(&page.resource_version, &version) => {
                self.history = History::Certain;
                self.restarted(Restart::Expired);
                self.state = State::Fresh;
            }
            Ok(_) => {
                self.history = History::Certain;
                self.state = State::Resuming(version);
            }
            Err(cause) => self.failed(Verb::List, cause, State::Resuming(version)),
        }
    }

    // --- a stream ---

    /// Opens a stream from `version`; without one, a stream that begins with the whole list.
    async fn open(&mut self, version: Option<Box<str>>) {
        let seconds = self
            .options
            .watch_timeout
            .mul_f64(0.8 + self.random.f64() / 5.0)
            .as_secs()
            .max(1);
        let path = self
            .collection()
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("timeoutSeconds", &seconds.to_string());
        let path = match &version {
            Some(version) => path.with("resourceVersion", version),
            None => path
                .with("sendInitialEvents", "true")
                .with("resourceVersionMatch", "NotOlderThan"),
        };
        let call = self.call(Verb::Watch, METADATA, path);
        let started = Instant::now();
        if version.is_none() {
            self.listed_at = Some(started);
        }
        let outcome = async {
            self.cluster.shared().admit()?;
            let channel = self.lease().channel();
            let body = self
                .cluster
                .open(channel, &call, self.cluster.shared().limits.request_timeout)
                .await?;
            vouched(self.options.witness.clone()).await?;
            Ok(body)
        };
        match (outcome.await, version) {
            (Ok(body), version) => {
                self.accepted();
                self.lease().opened();
                let initial = version.is_none().then_some(Initial { count: 0, started });
                if initial.is_some() {
                    self.ready.push_back(WatchEvent::ListStarted);
                }
                let now = Instant::now();
                self.state = State::Reading(Box::new(Reading {
                    lines: Lines::new(body),
                    version: version.unwrap_or_default(),
                    opened: now,
                    asked: Duration::from_secs(seconds),
                    heard: now,
                    silence: if initial.is_some() {
                        INITIAL_SILENCE
                    } else {
                        Duration::from_secs(seconds) + GRACE
                    },
                    fruitful: false,
                    initial,
                }));
            }
            (Err(Cause::Api(status)), None) if matches!(status.code(), 400 | 422) => self.no_streaming_list(),
            (Err(cause), None) => self.failed(Verb::Watch, cause, State::Fresh),
            (Err(cause), Some(version)) => self.failed(Verb::Watch, cause, State::Resuming(version)),
        }
    }

    async fn read(&mut self, mut reading: Box<Reading>) {
        let silent_at = reading.heard + reading.silence;
        let repair_at = reading.initial.is_none().then_some(self.relist_at);
        let good_at = self.to_be_told_good(&reading);
        let deadline = [repair_at, good_at].into_iter().flatten().fold(silent_at, Instant::min);
        let outcome = tokio::time::timeout_at(deadline, reading.lines.next()).await;
        match outcome {
            Ok(Ok(Some(line))) => self.line(reading, &line),
            Ok(Ok(None)) => {
                self.lease().closed();
                self.ended(&reading);
            }
            Ok(Err(cause)) => self.failed(Verb::Watch, cause, reading.onwards()),
            Err(_) if repair_at.is_some_and(|at| at <= Instant::now()) => {
                self.restarted(Restart::Repair);
                self.lease().closed();
                self.state = State::Fresh;
            }
            Err(_) if good_at.is_some_and(|at| at <= Instant::now()) => {
                self.proved_good();
                self.state = State::Reading(reading);
            }
            Err(_) if reading.initial.is_some() => self.no_streaming_list(),
            Err(_) => self.failed(Verb::Watch, Cause::Stalled(reading.silence), reading.onwards()),
        }
    }

    fn line(&mut self, mut reading: Box<Reading>, line: &[u8]) {
        let decoded = std::str::from_utf8(line).map_err(|_| Cause::Decode("an event is no UTF-8".into()));
        let decoded = decoded.and_then(|text| {
            Line::decode(text, &mut self.decoder, self.words).map_err(|error| Cause::decode("an event", &error))
        });
        let event = match decoded {
            Ok(Line::Error(status)) => {
                let onwards = reading.onwards();
                return self.failed(Verb::Watch, Cause::Api(status), onwards);
            }
            Err(cause) => return self.failed(Verb::Watch, cause, reading.onwards()),
            Ok(Line::Bookmark {
                resource_version,
                ends_initial,
            }) => {
                reading.bookmark(resource_version, ends_initial);
                if ends_initial && let Some(initial) = reading.initial.take() {
                    reading.silence = self.options.watch_timeout + GRACE;
                    self.listed(&reading.version, initial.count, initial.started);
                }
                None
            }
            Ok(Line::Applied(object)) => {
                reading.moved_to(object.resource_version());
                Some(WatchEvent::Applied(object))
            }
            Ok(Line::Deleted(object)) => {
                reading.moved_to(object.resource_version());
                Some(WatchEvent::Deleted(object))
            }
        };
        if !std::mem::replace(&mut reading.fruitful, true) {
            self.proved_good();
        }
        self.ready.extend(event);
        self.state = State::Reading(reading);
    }

    fn no_streaming_list(&mut self) {
        self.restarted(Restart::NoStreamingList);
        self.cluster.shared().refuses_streaming_lists();
        self.lease().closed();
        self.state = State::Fresh;
    }

    // --- requests ---

    fn collection(&self) -> Path {
        Path::collection(&self.resource, &self.options.namespace)
            .with_some("labelSelector", &self.options.label_selector)
            .with_some("fieldSelector", &self.options.field_selector)
    }

    fn call(&self, verb: Verb, of_metadata: &'static str, path: Path) -> Call {
        let accept = match self.options.content {
            Content::Whole => JSON,
            Content::Metadata => of_metadata,
        };
        let ResourceType { gvr, .. } = &self.resource;
        Call {
            subject: Subject::collection(verb, gvr, &self.options.namespace),
            method: Method::GET,
            path,
            accept,
            body: None,
        }
    }

    fn lease(&mut self) -> &mut crate::transport::Lease {
        let shared = self.cluster.shared();
        self.lease.get_or_insert_with(|| shared.lanes().lease())
    }
}

/// Whether the version `now` of a store comes before `told`. Versions that are no numbers say nothing.
fn is_older(now: &str, told: &str) -> bool {
    let number = |version: &str| version.parse::<u64>().ok();
    matches!((number(now), number(told)), (Some(now), Some(told)) if now < told)
}

/// Whether what the server answered may be told.
async fn vouched(witness: Option<Arc<dyn Witness>>) -> Result<(), Cause> {
    match witness {
        Some(witness) => witness.vouch().await,
        None => Ok(()),
    }
}

// === impl Paging ===

impl Paging {
    fn start() -> Self {
        Self {
            next: Box::default(),
            version: Box::default(),
            count: 0,
            started: Instant::now(),
        }
    }

    fn is_continued_by(&self, page: &Page) -> bool {
        self.version.is_empty() || self.version == page.resource_version
    }
}

// === impl Reading ===

impl Reading {
    fn moved_to(&mut self, version: &str) {
        self.heard = Instant::now();
        if let Some(initial) = &mut self.initial {
            initial.count += 1;
        } else if !version.is_empty() {
            self.version = version.into();
        }
    }

    /// Within a streamed list only the bookmark at its end is a sign of life: a server that ignores the request sends others.
    fn bookmark(&mut self, version: Box<str>, ends_initial: bool) {
        if self.initial.is_some() && !ends_initial {
            return;
        }
        self.heard = Instant::now();
        self.version = version;
    }
}
