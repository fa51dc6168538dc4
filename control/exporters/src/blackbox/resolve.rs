//! Which address of a name a probe goes to, and what it tells of it.

use std::net::IpAddr;
use std::time::Instant;

use super::modules::IpChoice;
use crate::families::Families;

/// The address, or None if there is none of the wanted kind. The families are there in any case.
pub async fn resolve(host: &str, choice: IpChoice, out: &mut Families) -> Option<IpAddr> {
    let began = Instant::now();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<IpAddr> = match tokio::net::lookup_host((bare, 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::debug!(host, err = %error, "cannot resolve the target of a probe");
            Vec::new()
        }
    };
    let chosen = choose(&found, choice);
    let help = "Returns the time taken for probe dns lookup in seconds";
    let seconds = began.elapsed().as_secs_f64();
    out.gauge("probe_dns_lookup_time_seconds", help, &[], seconds);
    let protocol = match chosen {
        None => 0.0,
        Some(IpAddr::V4(_)) => 4.0,
        Some(IpAddr::V6(_)) => 6.0,
    };
    let help = "Specifies whether probe ip protocol is IP4 or IP6";
    out.gauge("probe_ip_protocol", help, &[], protocol);
    let help = "Specifies the hash of IP address. It's useful to detect if the IP address changes.";
    let hash = chosen.map_or(0, hash);
    out.gauge("probe_ip_addr_hash", help, &[], f64::from(hash));
    chosen
}

fn choose(found: &[IpAddr], choice: IpChoice) -> Option<IpAddr> {
    let wanted = found.iter().find(|it| it.is_ipv6() == choice.prefer_v6);
    let other = found.iter().rfind(|_| choice.fallback);
    wanted.or(other).copied()
}

/// FNV-1, 32 bits.
fn hash(address: IpAddr) -> u32 {
    let v4 = |it: std::net::Ipv4Addr| it.octets().to_vec();
    let bytes = match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or(address.octets().to_vec(), v4),
    };
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_kind_counts_and_the_other_where_it_may() {
        let found: Vec<IpAddr> = ["127.0.0.1", "::1"]
            .map(|it| it.parse().expect("valid"))
            .into();
        let choice = |prefer_v6, fallback| IpChoice {
            prefer_v6,
            fallback,
        };
        assert_eq!(choose(&found, choice(true, true)), Some(found[1]));
        assert_eq!(choose(&found, choice(false, true)), Some(found[0]));
        assert_eq!(choose(&found[..1], choice(true, true)), Some(found[0]));
        assert_eq!(choose(&found[..1], choice(true, false)), None);
    }
}
