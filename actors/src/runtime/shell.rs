//! The actix actor around each of ours: feeds it, catches what it throws, and builds it anew.
//!
//! actix would end the actor on a panic, restart it without delay or limit, and drain a mailbox without a pause. So nothing that
//! is not ours is ever called outside of [`caught`], and the mailbox is held back, by a future that actix waits for, whenever the
//! actor is not ready for messages: while it rests, while children of an earlier incarnation end, and after a turn's worth of messages.

mod callbacks;
mod caught;
mod failures;
mod launch;
mod life;
mod turn;

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use actix::{ActorFuture, AsyncContext};
use tokio::time::Sleep;

use self::caught::{caught, drop_caught, quietly};
pub(crate) use self::launch::prepare;
use super::{Actor, Context, Outcome, Place, backstage::Held, exit::Cause, mailbox::Envelope, node::Node};

/// The actix actor around one of ours.
pub(crate) struct Shell<A: Actor> {
    actor: Option<A>,
    context: Context<A>,
    phase: Phase,
}

/// Where an actor is in its life.
enum Phase {
    /// Waits until the one that had its kind and key before it has ended.
    Behind(Arc<Node>),
    /// Takes messages.
    Running,
    /// Takes messages, and stops when it is done.
    Draining,
    /// Failed: the children of the failed incarnation end and a delay passes, then it is built anew.
    Restarting(Pin<Box<Rest>>),
    /// Its children end, then it does.
    Stopping(Pin<Box<End>>),
    /// Has ended.
    Over(Option<Box<Cause>>),
}

/// The end of an actor that has children.
struct End {
    /// Why it gave up, if it did.
    cause: Option<Box<Cause>>,
    /// Children that have not ended by then are abandoned.
    limit: Pin<Box<Sleep>>,
}

/// The rest between a failure and the next incarnation.
struct Rest {
    delay: Duration,
    /// Children that have not ended by then are abandoned.
    children: Pin<Box<Sleep>>,
    /// Set once every other actor of the thread had its turn.
    rested: Option<Pin<Box<Sleep>>>,
}

/// Messages handled before the other actors of the thread get their turn.
const TURN: u16 = 128;

/// How long an actor that stops or restarts waits for its children.
const CHILDREN_LIMIT: Duration = Duration::from_secs(10);

/// Holds the mailbox back until [`Shell::turn`] says that it may go on. May be called twice.
fn hold_mailbox<A: Actor>(ctx: &mut actix::Context<Shell<A>>) {
    ctx.wait(Pause);
}

// === impl Shell ===

impl<A: Actor> actix::Actor for Shell<A> {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Pulse);
        match self.phase {
            Phase::Behind(_) => hold_mailbox(ctx),
            _ if self.node().stop_asked() => self.stop(None, ctx),
            _ => self.begin(ctx),
        }
    }
}

impl<A: Actor> actix::Handler<Envelope<A::Message>> for Shell<A> {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<A::Message>, ctx: &mut Self::Context) {
        self.heed(ctx);
        if !self.is_ready() {
            // Its actor failed on a notice: the message comes first when there is a new one. A stop drops it.
            if matches!(self.phase, Phase::Restarting(_)) {
                self.context.backstage.held = Some(Box::new(Held { envelope, attempt: 1 }));
            }
            return;
        }
        self.dispatch(envelope, 1, ctx);
        let backstage = &mut self.context.backstage;
        backstage.budget = backstage.budget.saturating_sub(1);
        if backstage.budget == 0 && self.is_ready() {
            self.context.backstage.breathe = true;
            hold_mailbox(ctx);
        }
    }
}

impl<A: Actor> Drop for Shell<A> {
    fn drop(&mut self) {
        let outcome = match mem::replace(&mut self.phase, Phase::Over(None)) {
            Phase::Over(None) => Outcome::Ended,
            Phase::Over(Some(cause)) => Outcome::GaveUp { cause: *cause },
            // The catch-all: whatever ended the task without us, the parent hears of it.
            _ => Outcome::GaveUp {
                cause: Cause::error(Place::Task, "its task was dropped"),
            },
        };
        let context = &mut self.context;
        quietly(|| context.reset());
        self.node().ended(outcome);
    }
}

/// The turn of an actor that takes messages.
struct Pulse;

impl<A: Actor> ActorFuture<Shell<A>> for Pulse {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        shell: &mut Shell<A>,
        ctx: &mut actix::Context<Shell<A>>,
        task: &mut task::Context<'_>,
    ) -> Poll<()> {
        if !ctx.waiting() && shell.is_ready() {
            // What is not ready after this has paused itself.
            let _ = shell.turn(ctx, task);
        }
        Poll::Pending
    }
}

/// The turn of an actor that does not.
struct Pause;

impl<A: Actor> ActorFuture<Shell<A>> for Pause {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        shell: &mut Shell<A>,
        ctx: &mut actix::Context<Shell<A>>,
        task: &mut task::Context<'_>,
    ) -> Poll<()> {
        if mem::take(&mut shell.context.backstage.breathe) {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        shell.turn(ctx, task)
    }
}
