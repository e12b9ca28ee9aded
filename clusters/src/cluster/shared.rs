//! What all logical clusters behind one API server share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Uri;
use parking_lot::{Mutex, RwLock};

use super::{ClusterBuilder, Moment, builder::WallClock};
use crate::{
    Cause, ClockOffset, ClusterConfig, ConfigError, Limits, Observer, Rehearsal, Verb,
    breaker::Breaker,
    clock_offset::OffsetMeter,
    places::Places,
    transport::{Channel, Lanes, MakeChannel, channels},
};

/// Connections, limits and breaker of one API server.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    /// Scheme, host and port.
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) limits: Limits,
    pub(crate) places: Places,
    pub(crate) breaker: Breaker,
    pub(crate) observer: Arc<dyn Observer>,
    /// Where writes go that are only tried; none where they are done.
    pub(crate) rehearsal: Option<Rehearsal>,
    wall_clock: WallClock,
    meter: Mutex<OffsetMeter>,
    random: Mutex<fastrand::Rng>,
    way: RwLock<Way>,
    no_streaming_lists: AtomicBool,
    builder: ClusterBuilder,
}

/// How the server is reached now.
struct Way {
    access: Access,
    lanes: Arc<Lanes>,
}

/// By what the server is reached.
pub(crate) enum Access {
    /// By network, with credentials.
    Config(Box<ClusterConfig>),
    /// By a service in this process.
    Service(Channel),
}

/// Scheme, host and port of a URL.
pub(crate) fn origin(uri: &Uri) -> String {
    format!(
        "{}://{}",
        uri.scheme_str().unwrap_or("http"),
        uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
    )
}

// === impl Shared ===

impl Shared {
    pub(crate) fn new(builder: &ClusterBuilder, uri: &Uri, access: Access) -> Result<Arc<Self>, ConfigError> {
        Self::named(Arc::clone(&builder.name), builder, uri, access)
    }

    fn named(name: Arc<str>, builder: &ClusterBuilder, uri: &Uri, access: Access) -> Result<Arc<Self>, ConfigError> {
        let mut random = fastrand::Rng::with_seed(builder.seed);
        let breaker = Breaker::new(random.fork(), builder.limits.longest_probe);
        Ok(Arc::new(Self {
            name,
            origin: origin(uri),
            host: uri.authority().map(ToString::to_string).unwrap_or_default(),
            limits: builder.limits.clone(),
            places: Places::new(&builder.limits),
            breaker,
            observer: Arc::clone(&builder.observer),
            rehearsal: builder.rehearsal.clone(),
            wall_clock: Arc::clone(&builder.wall_clock),
            meter: Mutex::default(),
            random: Mutex::new(random),
            way: RwLock::new(Way::new(access, builder)?),
            no_streaming_lists: AtomicBool::new(false),
            builder: builder.clone(),
        }))
    }

    /// The same credentials towards another host, which is named in errors beside the cluster: of several endpoints one may fail.
    pub(crate) fn towards(&self, uri: &Uri) -> Result<Arc<Self>, ConfigError> {
        let access = match &self.way.read().access {
            Access::Config(config) => Access::Config(Box::new(config.towards(uri))),
            Access::Service(channel) => Access::Service(channel.clone()),
        };
        let name = format!("{} at {}", self.builder.name, origin(uri)).into();
        Self::named(name, &self.builder, uri, access)
    }

    /// New credentials for the same server.
    pub(crate) fn renew(&self, config: ClusterConfig) -> Result<(), ConfigError> {
        if origin(&config.kube().cluster_url) != self.origin {
            return Err(config.error(&format!("its server is not {}, so its objects are others", self.origin)));
        }
        let way = Way::new(Access::Config(Box::new(config)), &self.builder)?;
        *self.way.write() = way;
        Ok(())
    }

    /// Whether a request that does this may be sent by this process.
    pub(crate) fn may_send(&self, verb: Verb) -> Result<(), Cause> {
        match &self.builder.fence {
            Some(fence) if verb.is_write() && !fence.admits() => Err(Cause::Fenced),
            _ => Ok(()),
        }
    }

    pub(crate) fn lanes(&self) -> Arc<Lanes> {
        Arc::clone(&self.way.read().lanes)
    }

    /// A source of randomness of one's own.
    pub(crate) fn random(&self) -> fastrand::Rng {
        self.random.lock().fork()
    }

    /// Whether streaming lists have not been refused here yet.
    pub(crate) fn serves_streaming_lists(&self) -> bool {
        !self.no_streaming_lists.load(Ordering::Relaxed)
    }

    /// Streaming lists were refused, or never ended.
    pub(crate) fn refuses_streaming_lists(&self) {
        self.no_streaming_lists.store(true, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            wall: (self.wall_clock)(),
            instant: tokio::time::Instant::now(),
        }
    }

    pub(crate) fn saw_date(&self, date: &http::HeaderValue, sent: &Moment) {
        if let Some(date) = crate::clock_offset::parse_date(date) {
            self.meter.lock().observe(date, sent.wall, (self.wall_clock)());
        }
    }

    pub(crate) fn clock_offset(&self) -> Option<ClockOffset> {
        self.meter.lock().offset((self.wall_clock)())
    }
}

// === impl Way ===

impl Way {
    fn new(access: Access, builder: &ClusterBuilder) -> Result<Self, ConfigError> {
        let (limits, fence) = (&builder.limits, builder.fence.as_ref());
        let make: MakeChannel = match &access {
            Access::Config(config) => channels(config, limits.connect_timeout, fence)?,
            Access::Service(channel) => {
                let channel = channel.clone();
                Box::new(move || channel.clone())
            }
        };
        let in_flight = limits.writes_in_flight.saturating_add(limits.reads_in_flight);
        Ok(Self {
            access,
            lanes: Arc::new(Lanes::new(make, in_flight)),
        })
    }
}
