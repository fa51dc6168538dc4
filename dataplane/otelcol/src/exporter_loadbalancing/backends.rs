//! The backends of one shard: who they are now, and the way to each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use bytes::{Bytes, BytesMut};
use engine::outbox::{Outcome, Parcel};
use engine::{Build, BuildError, Ledger, Nack, TaskSet};
use net::HeaderMap;
use runtime::LocalBoxFuture;

use super::arguments::{Dns, LoadBalancingArguments};
use super::ring::Ring;
use super::routing::{RoutingKey, split};
use crate::exporter_otlp::{Grpc, GrpcSettings};
use crate::exporting::{Exchange, Headers, Protocol};

/// Sends each part to the backend that the ring has for it.
pub struct Backends {
    key: RoutingKey,
    ring: Rc<RefCell<Rc<Ring>>>,
    /// The way to each backend, by name.
    ways: RefCell<HashMap<Rc<str>, Rc<Grpc>>>,
    /// One that is never called, for the headers that all have.
    pattern: Grpc,
    settings: GrpcSettings,
    timeout: Duration,
    cx: Build,
    /// What cannot be parted.
    ledger: Ledger,
    /// Asks for names again.
    _resolving: TaskSet,
}

impl Backends {
    pub async fn start(
        arguments: &LoadBalancingArguments,
        cx: &Build,
    ) -> Result<Backends, BuildError> {
        let resolver = &arguments.resolver;
        let unsupported = [
            ("kubernetes", resolver.kubernetes.is_some()),
            ("aws_cloud_map", resolver.aws_cloud_map.is_some()),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
            return Err(BuildError::new(format!(
                "the resolver \"{name}\" cannot run yet; use \"dns\" with a headless service, or \
                 \"static\""
            )));
        }
        let fixed = resolver.fixed.as_ref().map(|it| &it.hostnames[..]);
        let names = fixed
            .unwrap_or_default()
            .iter()
            .map(|name| Rc::from(&**name));
        let ring = Rc::new(RefCell::new(Rc::new(Ring::new(names.collect()))));
        let resolving = TaskSet::new();
        if let Some(dns) = &resolver.dns {
            let first = runtime::timeout(dns.timeout, refresh(dns, &ring)).await;
            if first.is_err() {
                tracing::warn!(
                    component_id = &*cx.node,
                    "failed to resolve \"{}\": no answer within timeout",
                    dns.hostname
                );
            }
            resolving.spawn(keep_fresh(dns.clone(), ring.clone()));
        }
        let otlp = &arguments.protocol.otlp;
        let timeout = match arguments.timeout {
            Duration::ZERO => otlp.timeout,
            timeout => timeout,
        };
        Ok(Backends {
            key: RoutingKey::named(&arguments.routing_key).expect("checked: it is known"),
            ring,
            ways: RefCell::default(),
            pattern: Grpc::new("localhost:4317", &otlp.client, timeout, cx)?,
            settings: otlp.client.clone(),
            timeout,
            cx: cx.clone(),
            ledger: cx.ledger("routing"),
            _resolving: resolving,
        })
    }

    /// The way to a backend. Those of backends that are gone are forgotten when a new one comes.
    fn way(&self, name: &Rc<str>, ring: &Ring) -> Result<Rc<Grpc>, BuildError> {
        if let Some(way) = self.ways.borrow().get(name) {
            return Ok(way.clone());
        }
        let endpoint = with_port(name);
        let way = Rc::new(Grpc::new(
            &endpoint,
            &self.settings,
            self.timeout,
            &self.cx,
        )?);
        let mut ways = self.ways.borrow_mut();
        ways.retain(|known, _| ring.names().contains(known));
        ways.insert(name.clone(), way.clone());
        Ok(way)
    }

    async fn send(&self, signal: OtlpSignal, parcel: Parcel, headers: HeaderMap) -> Exchange {
        let ring = self.ring.borrow().clone();
        let items = parcel.items as usize;
        let batch = OtlpBatch::from_checked_request(signal, joined(&parcel.pieces), items);
        let Some(parts) = split(&batch, self.key, &ring) else {
            return Exchange::without_answer(Outcome::Retry {
                after: None,
                reason: "no_backends",
                message: "the resolver has found no backends".to_owned(),
            });
        };
        let mut worst: Option<Exchange> = None;
        for (index, part) in parts.parts {
            let exchange = match self.way(&ring.names()[index], &ring) {
                Ok(way) => {
                    let part = Parcel {
                        items: u32::try_from(part.items()).unwrap_or(u32::MAX),
                        pieces: part.chunks().to_vec(),
                        ..parcel.clone()
                    };
                    way.export(signal, part, headers.clone()).await
                }
                Err(error) => Exchange::without_answer(Outcome::Drop {
                    reason: "invalid_backend",
                    message: error.message,
                }),
            };
            if worst
                .as_ref()
                .is_none_or(|known| outweighs(&exchange, known))
            {
                worst = Some(exchange);
            }
        }
        worst.unwrap_or_else(|| Exchange::without_answer(Outcome::Ack))
    }
}

/// What is to be tried again counts before what is dropped, and that before what was taken.
fn outweighs(one: &Exchange, other: &Exchange) -> bool {
    let weight = |exchange: &Exchange| match exchange.outcome {
        Outcome::Ack => 0,
        Outcome::Drop { .. } => 1,
        Outcome::Retry { .. } => 2,
    };
    weight(one) > weight(other)
}

impl Protocol for Backends {
    fn export(
        &self,
        signal: OtlpSignal,
        parcel: Parcel,
        headers: HeaderMap,
    ) -> LocalBoxFuture<'_, Exchange> {
        Box::pin(self.send(signal, parcel, headers))
    }

    fn headers(&self) -> &Headers {
        self.pattern.headers()
    }

    fn parts(&self, batch: &OtlpBatch) -> Result<Option<Vec<OtlpBatch>>, Nack> {
        if !self.key.takes(batch.signal()) {
            let message = format!(
                "the routing key leads no {}; set routing_key = \"service\"",
                batch.signal().name()
            );
            return Err(Nack::permanent("unsupported_signal", message));
        }
        let ring = self.ring.borrow().clone();
        let Some(split) = split(batch, self.key, &ring) else {
            return Ok(None);
        };
        if split.lost > 0 {
            let lost = split.lost as u64;
            self.ledger.take(lost);
            self.ledger.drop("no_service_name", lost);
        }
        Ok(Some(
            split.parts.into_iter().map(|(_, part)| part).collect(),
        ))
    }
}

/// One request of all pieces: the log's are one already.
fn joined(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [piece] => piece.clone(),
        pieces => {
            let mut all = BytesMut::new();
            for piece in pieces {
                all.extend_from_slice(piece);
            }
            all.freeze()
        }
    }
}

/// Compat: a name without a port is of 4317.
fn with_port(name: &str) -> String {
    match name.contains(':') {
        true => name.to_owned(),
        false => format!("{name}:4317"),
    }
}

async fn keep_fresh(dns: Dns, ring: Rc<RefCell<Rc<Ring>>>) {
    let interval = match dns.interval {
        Duration::ZERO => Duration::from_secs(5),
        interval => interval,
    };
    loop {
        runtime::sleep(interval).await;
        refresh(&dns, &ring).await;
    }
}

/// Asks for the name's addresses; those known stay as long as there is no answer.
async fn refresh(dns: &Dns, ring: &RefCell<Rc<Ring>>) {
    let host = dns.hostname.clone();
    let asked = runtime::service::blocking(move || {
        let found = (&*host, 0).to_socket_addrs()?;
        std::io::Result::Ok(found.map(|it| it.ip()).collect::<Vec<IpAddr>>())
    });
    let addresses = match asked.await {
        Ok(addresses) => addresses,
        Err(error) => {
            let host = &dns.hostname;
            return tracing::warn!("failed to resolve \"{host}\": {error}");
        }
    };
    let found = Ring::new(addresses.iter().map(|it| backend(it, &dns.port)).collect());
    let changed = ring.borrow().names() != found.names();
    if changed {
        tracing::info!(
            host = dns.hostname,
            backends = found.names().len(),
            "backends changed"
        );
        ring.replace(Rc::new(found));
    }
}

fn backend(address: &IpAddr, port: &str) -> Rc<str> {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match port {
        "" => host.into(),
        port => format!("{host}:{port}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_named_as_other_collectors_name_them() {
        let name = |address: &str, port| {
            let address = address.parse().expect("an address");
            backend(&address, port).to_string()
        };
        assert_eq!(name("10.0.0.1", "4317"), "10.0.0.1:4317");
        assert_eq!(name("::1", "4317"), "[::1]:4317");
        assert_eq!(with_port(&name("10.0.0.1", "")), "10.0.0.1:4317");
    }
}
