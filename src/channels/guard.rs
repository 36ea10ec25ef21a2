//! Guard against requests to private networks (server-side request forgery): names are resolved
//! and checked at each connection, so that a name cannot be rebound afterwards.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

/// Returns whether an address is not on the public Internet (IANA special-purpose registries).
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        // Relays of 6to4 (RFC 7526).
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(v4) = address.to_ipv4() {
        return is_private_v4(v4);
    }
    let embedded = |high: u16, low: u16| {
        is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    match segments {
        // NAT64 and 6to4 carry an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        [first, second, ..] => {
            // Only 2000::/3 is global unicast: not what is local to a network or a site, multicast,
            // IPv4-translated (RFC 2765), the other NAT64 prefix (RFC 8215), discard-only, SRv6.
            first & 0xe000 != 0x2000
                // Teredo, benchmarks, ORCHID and other protocol assignments (RFC 2928).
                || (first == 0x2001 && second < 0x200)
                // Documentation (RFC 3849, RFC 9637).
                || (first == 0x2001 && second == 0xdb8)
                || (first == 0x3fff && second < 0x1000)
        }
    }
}

/// Resolver that drops private addresses.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|address| !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err(format!(
                    "{host} has no public address; allow_private allows addresses of private \
                     networks"
                )
                .into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Checks the host of a URL if it is an address.
///
/// # Errors
/// A description if the address is private.
pub(super) fn check_literal(url: &Url, allow_private: bool) -> Result<(), String> {
    let address = match url.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        Some(url::Host::Domain(_)) => return Ok(()),
        None => return Err("the URL has no host".to_owned()),
    };
    if allow_private || !is_private(address) {
        return Ok(());
    }
    Err(format!("{address} is an address of a private network; allow_private = true allows it"))
}

/// Creates a client that follows no redirect, and reaches private networks only if allowed.
///
/// # Errors
/// When the client cannot be created.
pub(super) fn client(allow_private: bool, timeout: Duration) -> Result<Client, String> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(timeout)
        .user_agent(concat!("lonceng/", env!("CARGO_PKG_VERSION")));
    let builder = if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
    builder.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_recognized_in_every_disguise() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
            "fec0::1",
            "3fff::1",
            "3fff:fff::1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:1.1.1.1",
            "192.88.99.1",
            "2001:0:7f00:1::",
            "2001:20::1",
            "64:ff9b:1::a00:1",
            "100::1",
            "100:0:0:1::1",
            "5f00::1",
            "2002:c0a8:101::1",
        ] {
            let address: IpAddr = private.parse().expect("an address");
            assert!(is_private(address), "{private}");
        }
        for public in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::"]
        {
            let address: IpAddr = public.parse().expect("an address");
            assert!(!is_private(address), "{public}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_checked_without_a_resolver() {
        let check = |url: &str, allow| check_literal(&Url::parse(url).expect("a URL"), allow);
        assert!(check("http://127.0.0.1:9/x", false).is_err());
        assert!(check("http://[::1]/", false).is_err());
        assert!(check("http://2130706433/", false).is_err(), "127.0.0.1 as one number");
        assert!(check("http://127.0.0.1/", true).is_ok());
        assert!(check("https://example.com/", false).is_ok());
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_connected_to() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = client(false, Duration::from_secs(5)).expect("a client");
        let error = http.get("http://localhost:9/").send().await.expect_err("it is private");
        let text = format!("{error:?}");
        assert!(text.contains("no public address"), "{text}");
    }
}
