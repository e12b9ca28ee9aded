//! The wire between the syncer and one API server: latency, and a look at everything that passes.

use std::{future::poll_fn, pin::Pin, sync::Arc, task, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Value;
use syncer_sandbox::{ApiServer, Body, Hand, NoAnswer, Reach};
use tower::Service;

use crate::{
    dock::Dock,
    observation::{Effect, Observation},
    plant::Plant,
    request::Asked,
    stream::{delayed, lateness},
};

/// The wire to one server.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    server: ApiServer,
    side: Side,
    observation: Observation,
    plant: Option<Plant>,
    seed: u64,
    dock: Dock,
}

/// Where a wire leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// To the upstream.
    Upstream,
    /// To the target of this name.
    Target(Arc<str>),
}

/// A change of an object, as it was carried out.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The object before; `None` where there was none.
    pub(crate) before: Option<Value>,
    /// The object after; `None` where there is none any more.
    pub(crate) after: Option<Value>,
}

/// How often a wire listens whether a silent server speaks again.
const LISTEN: Duration = Duration::from_millis(100);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, NoAnswer>> + Send>>;

// === impl Wire ===

impl Wire {
    pub(crate) fn new(
        server: &ApiServer,
        side: Side,
        observation: &Observation,
        plant: Option<Plant>,
        seed: u64,
    ) -> Self {
        Self {
            server: server.clone(),
            side,
            observation: observation.clone(),
            plant,
            seed,
            dock: Dock::new(),
        }
    }

    async fn pass(self, request: Request<Bytes>) -> Result<Response<Body>, NoAnswer> {
        let request = match self.plant {
            Some(plant) => plant.alter(request, &self.side),
            None => request,
        };
        let asked = Asked::of(&request);
        let what = format!("{} {}", request.method(), request.uri());
        let (there, back) = self.dock.ways(&what, self.seed);
        let flight = self.observation.sent(&self.side, &asked, request.body());
        tokio::time::sleep(there).await;
        self.silence().await;
        self.dock.turn(&what).await;
        let answer = self.carry_out(&asked, request).await;
        let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.observation.answered(&self.side, &asked, code);
        if let Some(plant) = self.plant
            && plant.swallows(&asked, &self.side, &self.observation)
        {
            return std::future::pending().await;
        }
        tokio::time::sleep(back).await;
        drop(flight);
        let answer = match (self.plant, answer?) {
            (Some(plant), answer) => plant.spoil(&asked, &self.side, &self.observation, answer).await,
            (None, answer) => answer,
        };
        if asked.watch {
            return Ok(answer.map(|body| delayed(body, lateness(&asked.resource))));
        }
        Ok(answer)
    }

    /// Waits while nothing comes through. By the clock: the server itself would wake all that wait in an order that no seed decides.
    async fn silence(&self) {
        while self.server.faults().reach() == Reach::Silent {
            tokio::time::sleep(LISTEN).await;
        }
    }

    /// Lets the server do it. Whatever it does it does within one poll, and nothing else runs meanwhile: the object before and after that poll
    /// is exactly what this request made of it.
    async fn carry_out(&self, asked: &Asked, request: Request<Bytes>) -> Result<Response<Body>, NoAnswer> {
        let mut server = self.server.clone();
        let mut doing = server.call(request.map(Full::new));
        if !asked.is_write() || asked.name.is_empty() {
            return doing.await;
        }
        let hand = Hand::at(&self.server, "observer");
        let mut effect = Effect::None;
        let answer = poll_fn(|task| {
            let (version, before) = (self.server.resource_version(), hand.get(&asked.path));
            let done = doing.as_mut().poll(task);
            if self.server.resource_version() != version {
                effect = Effect::Some;
                let after = hand.get(&asked.path);
                self.observation.changed(&self.side, asked, &Change { before, after });
            }
            done
        })
        .await;
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            self.observation.wrote(&self.side, asked, effect);
        }
        answer
    }
}

impl Service<Request<Bytes>> for Wire {
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), NoAnswer>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Answer {
        Box::pin(self.clone().pass(request))
    }
}
