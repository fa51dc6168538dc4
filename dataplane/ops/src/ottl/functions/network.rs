//! Addresses: networks, and the community id of a flow.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::Value;

pub(super) const TABLE: &[Definition] = &[
    prepared(
        "IsInCIDR",
        &[
            parameter("target", Kind::Text),
            parameter("networks", Kind::TextList),
        ],
        Networks::prepare,
    ),
    plain(
        "CommunityID",
        &[
            // Compat: the names of the reference's fields can never be written.
            parameter("source_IP", Kind::Text),
            parameter("source_port", Kind::Int),
            parameter("destination_IP", Kind::Text),
            parameter("destination_port", Kind::Int),
            optional("protocol", Kind::Text),
            optional("seed", Kind::Int),
        ],
        community_id,
    ),
];

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn new(text: &str) -> Result<Network, String> {
        let invalid = || format!("invalid CIDR address: {text}");
        let (address, bits) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = digits.then(|| bits.parse().ok()).flatten();
        let bits = bits.filter(|&bits| bits <= most).ok_or_else(invalid)?;
        Ok(Network { address, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        let shifted = |value: u128, width: u32| match self.bits {
            0 => 0,
            bits => value >> (width - bits),
        };
        match (unmapped(self.address), unmapped(address)) {
            (IpAddr::V4(network), IpAddr::V4(address)) if self.address.is_ipv4() => {
                let number = |ip: std::net::Ipv4Addr| shifted(u128::from(u32::from(ip)), 32);
                number(network) == number(address)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let number = |ip: Ipv6Addr| shifted(u128::from(ip), 128);
                number(network) == number(address)
            }
            _ => false,
        }
    }
}

/// IPv4 written as IPv6 is IPv4, as in Go.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

#[derive(Debug)]
struct Networks(Option<Vec<Network>>);

impl Networks {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let Some(texts) = literals.texts(1) else {
            return Ok(Box::new(Networks(None)));
        };
        let networks = texts.iter().map(|text| Network::new(text));
        Ok(Box::new(Networks(Some(
            networks.collect::<Result<_, _>>()?,
        ))))
    }
}

impl Prepared for Networks {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let Ok(address) = args.text(0).parse() else {
            return Ok(Value::Bool(false));
        };
        if let Some(networks) = &self.0 {
            let inside = networks.iter().any(|network| network.contains(address));
            return Ok(Value::Bool(inside));
        }
        for item in args.items(1) {
            let Value::Text(text) = item else {
                continue;
            };
            if Network::new(text).map_err(Error::new)?.contains(address) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }
}

fn endpoint(args: &Args<'_>, first: usize, name: &str) -> Result<(Vec<u8>, u16), Error> {
    let port = args.int(first + 1);
    let port = u16::try_from(port).map_err(|_| {
        Error::new(format!(
            "{name} port must be between 0 and 65535, got {port}"
        ))
    })?;
    let text = args.text(first);
    let address: IpAddr = text
        .parse()
        .map_err(|_| Error::new(format!("invalid {name} IP: {text}")))?;
    let bytes = match unmapped(address) {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    Ok((bytes, port))
}

fn community_id<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let mut source = endpoint(args, 0, "source")?;
    let mut destination = endpoint(args, 2, "destination")?;
    let protocol: u8 = match args.text_or(4, "TCP") {
        "ICMP" => 1,
        "TCP" => 6,
        "UDP" => 17,
        "RSVP" => 46,
        "ICMP6" => 58,
        "SCTP" => 132,
        other => return Err(Error::new(format!("unsupported protocol: {other}"))),
    };
    let seed = args.int(5);
    let seed = u16::try_from(seed)
        .map_err(|_| Error::new(format!("seed must be between 0 and 65535, got {seed}")))?;
    let order = |(address, port): &(Vec<u8>, u16)| (address.len(), address.clone(), *port);
    if order(&source) > order(&destination) {
        std::mem::swap(&mut source, &mut destination);
    }
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    hash.update(&source.0);
    hash.update(&destination.0);
    hash.update([protocol, 0]);
    hash.update(source.1.to_be_bytes());
    hash.update(destination.1.to_be_bytes());
    Ok(Value::text(format!(
        "1:{}",
        STANDARD.encode(hash.finalize())
    )))
}
