//! What probes tell of TLS.

use std::fmt::Write;

use net::tls::Peer;
use sha2::{Digest, Sha256};

use super::certificate::Certificate;
use crate::families::Families;

/// Compat: what is told as the end of a chain that nobody verified, the first second of Go's
/// calendar.
const NO_CHAIN: i64 = -62_135_596_800;

/// Which metrics a prober has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    Told,
    /// As with gRPC.
    Untold,
}

pub fn write(peer: &Peer, chain: Chain, out: &mut Families) {
    let read = peer.certificates.iter();
    let certificates: Vec<Certificate> = read.filter_map(|it| Certificate::read(it)).collect();
    let earliest = certificates.iter().map(|it| it.not_after).min();
    let help = "Returns last SSL chain expiry in unixtime";
    let name = "probe_ssl_earliest_cert_expiry";
    out.gauge(name, help, &[], earliest.unwrap_or(NO_CHAIN) as f64);
    if chain == Chain::Told {
        // Compat: the trusted certificate at the end of the chain is not looked at, which lives
        // longer than those before it.
        let verified = earliest.filter(|_| peer.verified);
        let help = "Returns last SSL chain expiry in timestamp";
        let name = "probe_ssl_last_chain_expiry_timestamp_seconds";
        out.gauge(name, help, &[], verified.unwrap_or(NO_CHAIN) as f64);
    }
    let help = "Returns the TLS version used or NaN when unknown";
    let labels = [("version", peer.version)];
    out.gauge("probe_tls_version_info", help, &labels, 1.0);
    let (Some(der), Some(own)) = (peer.certificates.first(), certificates.first()) else {
        return;
    };
    let mut fingerprint = String::with_capacity(64);
    for byte in Sha256::digest(der) {
        // Writing to a text cannot fail.
        let _ = write!(fingerprint, "{byte:02x}");
    }
    let labels = [
        ("fingerprint_sha256", fingerprint.as_str()),
        ("issuer", &own.issuer),
        ("subject", &own.subject),
        ("subjectalternative", &own.dns_names),
    ];
    let help = "Contains SSL leaf certificate information";
    out.gauge("probe_ssl_last_chain_info", help, &labels, 1.0);
}
