//! Which request goes over which connection.
//!
//! An HTTP/2 client keeps one connection per host and queues what exceeds the server's limit of streams, so hanging watches
//! on the connection of the writes would end all writes. Watches get lanes of their own, a bounded number on each.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::{Channel, MakeChannel};

/// API servers serve 100 streams a connection by default; the rest is room for streams that are being closed.
pub(crate) const STREAMS_A_LANE: usize = 80;

/// The connections to one API server.
pub(crate) struct Lanes {
    make: MakeChannel,
    requests: Box<[Channel]>,
    turn: AtomicUsize,
    watches: Mutex<Vec<Arc<Lane>>>,
}

struct Lane {
    channel: Channel,
    /// Watches on it.
    leases: AtomicUsize,
    /// How many it takes; less than the usual where a server turned out to serve fewer streams.
    places: AtomicUsize,
    /// Watches on it whose stream is open.
    open: AtomicUsize,
}

/// A place on a lane for one watch and its lists, one request at a time.
pub(crate) struct Lease {
    lane: Arc<Lane>,
    open: bool,
}

// === impl Lanes ===

impl Lanes {
    /// Lanes for `in_flight` single requests at once, and for any number of watches.
    pub(crate) fn new(make: MakeChannel, in_flight: usize) -> Self {
        let requests = (0..in_flight.div_ceil(STREAMS_A_LANE).max(1)).map(|_| make()).collect();
        Self {
            make,
            requests,
            turn: AtomicUsize::new(0),
            watches: Mutex::default(),
        }
    }

    /// The channel for a single request.
    pub(crate) fn request(&self) -> Option<Channel> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.requests.get(turn % self.requests.len().max(1)).cloned()
    }

    /// A place for a watch, on the first lane that has one.
    pub(crate) fn lease(&self) -> Lease {
        let mut lanes = self.watches.lock();
        // An idle lane has no streams and its connection closes by itself; the first is kept so that a lone watch keeps it.
        let mut first = true;
        lanes.retain(|lane| std::mem::take(&mut first) || lane.leases.load(Ordering::Relaxed) > 0);
        let free = lanes
            .iter()
            .find(|lane| lane.leases.load(Ordering::Relaxed) < lane.places.load(Ordering::Relaxed));
        let lane = free.cloned().unwrap_or_else(|| {
            let lane = Arc::new(Lane::new((self.make)()));
            lanes.push(Arc::clone(&lane));
            lane
        });
        lane.leases.fetch_add(1, Ordering::Relaxed);
        Lease { lane, open: false }
    }

    /// How many lanes there are, and how many watches on them.
    #[cfg(test)]
    pub(crate) fn watch_lanes(&self) -> Vec<usize> {
        self.watches
            .lock()
            .iter()
            .map(|lane| lane.leases.load(Ordering::Relaxed))
            .collect()
    }
}

// === impl Lane ===

impl Lane {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            leases: AtomicUsize::new(0),
            places: AtomicUsize::new(STREAMS_A_LANE),
            open: AtomicUsize::new(0),
        }
    }
}

// === impl Lease ===

impl Lease {
    /// The channel of the lane.
    pub(crate) fn channel(&self) -> Channel {
        self.lane.channel.clone()
    }

    /// The watch's stream is open.
    pub(crate) fn opened(&mut self) {
        if !std::mem::replace(&mut self.open, true) {
            self.lane.open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The watch's stream is over.
    pub(crate) fn closed(&mut self) {
        if std::mem::take(&mut self.open) {
            self.lane.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// No answer came to the start of a watch while others on the lane are open: the server may serve fewer streams than
    /// usual, and then a request beyond them waits for ever. The lane takes no more than it carries now.
    pub(crate) fn crowded(&self) {
        let open = self.lane.open.load(Ordering::Relaxed);
        if open > 0 {
            self.lane.places.fetch_min(open, Ordering::Relaxed);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.closed();
        self.lane.leases.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use tower::{BoxError, util::BoxCloneSyncService};

    use super::*;

    fn lanes() -> Lanes {
        let make = || {
            BoxCloneSyncService::new(tower::service_fn(|_: Request<Bytes>| async {
                let body = http_body_util::Empty::new()
                    .map_err(|never| match never {})
                    .boxed_unsync();
                Ok::<_, BoxError>(Response::new(body))
            }))
        };
        Lanes::new(Box::new(make), 64)
    }

    #[test]
    fn two_hundred_watches_share_three_lanes() {
        let lanes = lanes();
        let mut leases: Vec<_> = (0..200).map(|_| lanes.lease()).collect();
        assert_eq!(lanes.watch_lanes(), [80, 80, 40]);
        leases.drain(..100);
        let _another = lanes.lease();
        assert_eq!(lanes.watch_lanes(), [1, 60, 40], "an emptied first lane is used again");
    }

    #[test]
    fn a_lane_takes_no_more_than_the_server_has_shown_to_serve() {
        let lanes = lanes();
        let mut leases: Vec<_> = (0..9).map(|_| lanes.lease()).collect();
        leases.iter_mut().take(8).for_each(Lease::opened);
        leases.pop().unwrap().crowded();
        leases.push(lanes.lease());
        assert_eq!(lanes.watch_lanes(), [8, 1]);
    }
}
