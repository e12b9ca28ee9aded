//! One trace from the first message to the last answer.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Once},
};

use parking_lot::Mutex;
use tracing::{
    Subscriber, debug_span,
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context as LayerContext, prelude::*, registry::LookupSpan};

use super::fixture::{simulate, until};
use crate::runtime::{Actor, Address, Context, Failure, Message, Outbox, Signals, Spec, Wake};

/// What a layer saw of the spans: name, fields, parent, links.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<u64, Record>>>);

#[derive(Clone, Debug, Default)]
struct Record {
    name: String,
    parent: Option<u64>,
    links: Vec<u64>,
    closed: bool,
}

struct Words(String);

impl tracing::field::Visit for Words {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), "kind" | "object") {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

/// Writes down the spans of threads that have a [`Seen`].
struct ThreadLayer;

fn with_seen(write: impl FnOnce(&mut BTreeMap<u64, Record>)) {
    SEEN.with_borrow(|seen| {
        if let Some(seen) = seen {
            write(&mut seen.0.lock());
        }
    });
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ThreadLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: LayerContext<'_, S>) {
        with_seen(|spans| {
            let mut words = Words(attributes.metadata().name().to_owned());
            attributes.record(&mut words);
            let parent = ctx
                .span(id)
                .and_then(|span| span.parent().map(|parent| parent.id().into_u64()));
            spans.insert(
                id.into_u64(),
                Record {
                    name: words.0,
                    parent,
                    ..Record::default()
                },
            );
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _ctx: LayerContext<'_, S>) {
        with_seen(|spans| {
            if let Some(record) = spans.get_mut(&id.into_u64()) {
                record.links.push(follows.into_u64());
            }
        });
    }

    fn on_close(&self, id: Id, _ctx: LayerContext<'_, S>) {
        with_seen(|spans| {
            if let Some(record) = spans.get_mut(&id.into_u64()) {
                record.closed = true;
            }
        });
    }
}

impl Seen {
    /// The names from the span called `name` up to its root.
    fn path(&self, name: &str) -> Vec<String> {
        let spans = self.0.lock();
        let mut at = spans.iter().find(|(_, record)| record.name == name).map(|(id, _)| *id);
        let mut path = Vec::new();
        while let Some(record) = at.and_then(|id| spans.get(&id)) {
            path.push(record.name.clone());
            at = record.parent;
        }
        path
    }

    fn all_closed(&self) -> bool {
        self.0.lock().values().all(|record| record.closed)
    }
}

thread_local! {
    /// Where the spans of this thread's test are written down.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Installs the process's one subscriber. Before anything else in every test: a callsite that is reached while another test installs
/// it may stay disabled for good.
pub(crate) fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(ThreadLayer)).unwrap();
    });
}

/// Runs `test` with what its thread's spans are.
fn with_spans<F: Future<Output = ()>>(test: impl FnOnce(Seen, crate::runtime::Runtime) -> F) {
    let seen = Seen::default();
    SEEN.set(Some(seen.clone()));
    simulate(|runtime| test(seen, runtime));
    SEEN.set(None);
}

/// The three actors of the test: each passes on to the next, the second through a task, the third by way of an outbox.
struct Second(Address<Last>);
struct Third(Outbox<&'static str, u32>, Arc<Mutex<u32>>);

enum Begin {
    Edit,
}

enum Middle {
    Edit,
    Written,
}

enum Last {
    Waiting(#[expect(dead_code, reason = "it says something by being dropped")] Wake),
    Status,
}

impl Message for Begin {
    fn key(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some("web".into())
    }
}

impl Message for Middle {
    fn key(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some("web".into())
    }
}

impl Message for Last {}

/// Makes the tree: the third and the second are the first's children.
struct Tree(Option<Address<Middle>>, Outbox<&'static str, u32>, Arc<Mutex<u32>>);

impl Actor for Tree {
    const KIND: &'static str = "First";
    type Message = Begin;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (outbox, done) = (self.1.clone(), Arc::clone(&self.2));
        let third = ctx.spawn(Spec::new("third"), move || Third(outbox.clone(), Arc::clone(&done)));
        self.0 = Some(ctx.spawn(Spec::new("second"), move || Second(third.clone())));
        Ok(())
    }

    fn handle(&mut self, _message: &Begin, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        if let Some(second) = &self.0 {
            second.try_offer(Middle::Edit)?;
        }
        self.1.put("web", 1)?;
        Ok(())
    }
}

impl Actor for Second {
    const KIND: &'static str = "Second";
    type Message = Middle;

    fn handle(&mut self, message: &Middle, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            Middle::Edit => ctx.request(async {
                let _span = debug_span!("write").entered();
                Middle::Written
            })?,
            Middle::Written => self.0.try_offer(Last::Status)?,
        }
        Ok(())
    }
}

impl Actor for Third {
    const KIND: &'static str = "Third";
    type Message = Last;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.0.bind(&ctx.address(), Last::Waiting);
        Ok(())
    }

    fn handle(&mut self, message: &Last, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            Last::Waiting(_) => {
                for taken in self.0.take(10) {
                    taken.cause.in_scope(|| drop(debug_span!("taken")));
                }
            }
            Last::Status => {
                let _span = debug_span!("status").entered();
                *self.1.lock() += 1;
            }
        }
        Ok(())
    }
}

#[test]
fn one_trace_goes_through_three_actors_a_task_and_an_outbox() {
    with_spans(|seen, mut runtime| async move {
        let (outbox, done) = (Outbox::newest("test", &Signals::new()), Arc::default());
        let (shared, finished) = (outbox.clone(), Arc::clone(&done));
        let (first, _) = runtime.start(Spec::new("first"), move || {
            Tree(None, shared.clone(), Arc::clone(&finished))
        });
        // Held, so that no id is used again while we look.
        let edit = debug_span!("edit");
        edit.in_scope(|| first.try_offer(Begin::Edit)).unwrap();
        until("the status is there", || *done.lock() == 1 && outbox.is_empty()).await;
        let path = |name| seen.path(name);
        let first_hop = r#"handle kind="First" object="web""#;
        let second_hop = r#"handle kind="Second" object="web""#;
        assert_eq!(path("write"), ["write", second_hop, first_hop, "edit"]);
        assert_eq!(path("taken"), ["taken", first_hop, "edit"]);
        assert_eq!(
            path("status"),
            [
                "status",
                r#"handle kind="Third""#,
                second_hop,
                second_hop,
                first_hop,
                "edit"
            ],
            "the answer of the task is a hop of its own"
        );
        drop(edit);
        until("all spans are closed", || seen.all_closed()).await;
    });
}

/// Ticks for ever.
struct Ticker(Arc<Mutex<u32>>);

struct Tick;

impl Message for Tick {}

impl Actor for Ticker {
    const KIND: &'static str = "Ticker";
    type Message = Tick;

    fn handle(&mut self, _message: &Tick, ctx: &mut Context<Self>) -> Result<(), Failure> {
        *self.0.lock() += 1;
        ctx.after(std::time::Duration::from_millis(100), Tick).detach();
        Ok(())
    }
}

#[test]
fn a_timer_that_is_set_again_and_again_holds_no_chain_of_spans() {
    with_spans(|seen, mut runtime| async move {
        let ticks = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&ticks);
        let (ticker, _) = runtime.start(Spec::new("ticker"), move || Ticker(Arc::clone(&shared)));
        ticker.try_offer(Tick).unwrap();
        until("it has ticked for a while", || *ticks.lock() == 20).await;
        let open = seen.0.lock().values().filter(|record| !record.closed).count();
        let links = seen.0.lock().values().filter(|record| !record.links.is_empty()).count();
        assert!(open <= 2 && links > 0, "{open} spans open, {links} with links");
    });
}

/// Sends itself one more message, for ever.
struct Restless(Arc<Mutex<u32>>);

impl Actor for Restless {
    const KIND: &'static str = "Restless";
    type Message = Tick;

    fn handle(&mut self, _message: &Tick, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let mut count = self.0.lock();
        *count += 1;
        // By every way that a message can take.
        match *count % 2 {
            0 => ctx.address().try_offer(Tick)?,
            _ => ctx.request(async { Tick })?,
        }
        Ok(())
    }
}

#[test]
fn messages_that_cause_one_another_for_ever_hold_no_endless_chain_of_spans() {
    with_spans(|seen, mut runtime| async move {
        let count = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&count);
        let (restless, _) = runtime.start(Spec::new("restless"), move || Restless(Arc::clone(&shared)));
        restless.try_offer(Tick).unwrap();
        while *count.lock() < 1_000 {
            tokio::task::yield_now().await;
        }
        let open = seen.0.lock().values().filter(|record| !record.closed).count();
        assert!(open <= 2 * 64 + 2, "{open} spans open");
        runtime.stop();
        runtime.ended().wait().await.unwrap();
        until("all spans are closed", || seen.all_closed()).await;
    });
}
