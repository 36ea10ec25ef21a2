//! Limit of anonymous connections per client address.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::http::header::{HeaderMap, HeaderName};
use arc_swap::ArcSwap;

use crate::connection::{AddressSlot, AddressSlots};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Limit of the connections of one address.
#[derive(Debug)]
pub struct Addresses {
    most: AtomicUsize,
    trusted: ArcSwap<Vec<IpAddr>>,
    slots: Arc<AddressSlots>,
}

impl Addresses {
    /// Creates a limit of `most` connections per address, 0 for none; `trusted` proxies are
    /// trusted, besides those on this machine.
    #[must_use]
    pub fn new(most: usize, trusted: Vec<IpAddr>) -> Arc<Self> {
        let (most, trusted) = (AtomicUsize::new(most), ArcSwap::from_pointee(trusted));
        Arc::new(Self { most, trusted, slots: Arc::default() })
    }

    /// Replaces limit and proxies; open connections stay.
    pub fn set(&self, most: usize, trusted: Vec<IpAddr>) {
        self.most.store(most, Ordering::Relaxed);
        self.trusted.store(Arc::new(trusted));
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.trusted.load().contains(&address)
    }

    /// Returns the address of a client: the nearest one that is not a trusted proxy. `None` for a
    /// client on this machine, and for a proxy that does not name its client: limiting it would
    /// limit all its clients together.
    pub(super) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?.ip().to_canonical();
        if !self.is_trusted(peer) {
            return Some(network(peer));
        }
        let forwarded = headers.get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.into_iter().rev() {
            match address(hop) {
                Some(hop) if self.is_trusted(hop) => {}
                Some(hop) => return Some(network(hop)),
                // An unreadable address counts as the proxy's.
                None => return Some(network(peer)),
            }
        }
        None
    }

    /// Takes a slot; `Err` with the limit if none is left.
    pub(super) fn acquire(&self, address: Option<IpAddr>) -> Result<Option<AddressSlot>, usize> {
        let most = self.most.load(Ordering::Relaxed);
        let Some(address) = address.filter(|_| most > 0) else { return Ok(None) };
        self.slots.acquire(address, most).map(Some).ok_or(most)
    }
}

/// Parses an address as proxies write it: with a port, in brackets, or bare.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = || hop.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let address = hop.parse::<SocketAddr>().map(|socket| socket.ip()).ok().or_else(bare)?;
    Some(address.to_canonical())
}

/// Returns the network that counts as one client: an IPv4 address, or the /64 of an IPv6 subscriber
/// (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(addresses: &Addresses, peer: &str, forwarded: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if !forwarded.is_empty() {
            headers.insert(X_FORWARDED_FOR, HeaderValue::from_str(forwarded).expect("text"));
        }
        let peer = format!("{peer}:1").parse().expect("an address");
        addresses.client(Some(peer), &headers).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let addresses = Addresses::new(1, vec!["10.0.0.1".parse().expect("an address")]);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(client(&addresses, "192.0.2.7", "198.51.100.1"), some("192.0.2.7"));
        assert_eq!(client(&addresses, "127.0.0.1", ""), None);
        assert_eq!(
            client(&addresses, "127.0.0.1", "203.0.113.9, 198.51.100.1"),
            some("198.51.100.1")
        );
        assert_eq!(client(&addresses, "10.0.0.1", "198.51.100.1, 10.0.0.1"), some("198.51.100.1"));
        assert_eq!(client(&addresses, "10.0.0.1", "198.51.100.1, unknown"), some("10.0.0.1"));
        assert_eq!(client(&addresses, "10.0.0.1", "198.51.100.1:5555"), some("198.51.100.1"));
        assert_eq!(client(&addresses, "10.0.0.1", "[2001:db8:1:2::9]:44"), some("2001:db8:1:2::"));
        assert_eq!(client(&addresses, "[2001:db8:1:2:3::4]", ""), some("2001:db8:1:2::"));
        assert_eq!(client(&addresses, "[::ffff:192.0.2.7]", ""), some("192.0.2.7"));
    }

    #[test]
    fn slot_is_released_when_dropped() {
        let addresses = Addresses::new(2, Vec::new());
        let address = Some(IpAddr::from([192, 0, 2, 7]));
        let first = addresses.acquire(address).expect("there is room");
        let _second = addresses.acquire(address).expect("there is room");
        assert!(addresses.acquire(address).is_err() && addresses.acquire(None).is_ok());
        drop(first);
        assert!(addresses.acquire(address).is_ok());
        assert_eq!(
            Addresses::new(0, Vec::new()).acquire(address).map(|place| place.is_none()),
            Ok(true)
        );
    }
}
