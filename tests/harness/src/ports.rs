//! Free ports on the loopback address.

use std::{
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::NotReady;

/// Below the ports that a kernel hands to outgoing connections: such a connection cannot take the port of a server that is
/// down for a moment, nor connect to itself there.
const FIRST: u16 = 18_000;

/// How many ports are handed out before they come round again.
const COUNT: u16 = 14_000;

/// How often a server is started on other ports before giving up.
const TRIES: usize = 5;

static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A port on which nothing listens now, never given twice in a row by one process.
///
/// Another process may take it before it is used: who binds it must be ready to ask again.
///
/// # Panics
/// When none of the range is free.
pub fn free_port() -> u16 {
    // Test processes that run side by side start at places far apart.
    let start = process::id().wrapping_mul(997) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        let offset = (start + u32::from(step)) % u32::from(COUNT);
        let port = FIRST.saturating_add(u16::try_from(offset).unwrap_or(0));
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port on 127.0.0.1 between {FIRST} and {}", FIRST + COUNT);
}

/// Starts the server `name` on ports that `start` picks, again with others if they were taken meanwhile.
///
/// # Panics
/// When the server does not come up.
#[track_caller]
pub(crate) fn retried<T>(name: &str, mut start: impl FnMut() -> Result<T, NotReady>) -> T {
    for _ in 0..TRIES {
        match start() {
            Ok(server) => return server,
            Err(NotReady::PortTaken) => {}
            Err(why) => panic!("start {name}: {why}"),
        }
    }
    panic!("start {name}: another process took its port {TRIES} times");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_not_given_twice() {
        let ports: Vec<u16> = (0..8).map(|_| free_port()).collect();
        let held: Vec<_> = ports
            .iter()
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap())
            .collect();
        assert_eq!(held.len(), 8);
    }

    #[test]
    fn a_taken_port_means_another_try() {
        let mut tries = 0;
        let server = retried("x", || {
            tries += 1;
            if tries < 3 { Err(NotReady::PortTaken) } else { Ok(tries) }
        });
        assert_eq!(server, 3);
    }

    #[test]
    #[should_panic(expected = "start x: another process took its port 5 times")]
    fn it_gives_up_in_the_end() {
        retried("x", || Err::<(), _>(NotReady::PortTaken));
    }
}
