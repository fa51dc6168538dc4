//! The sockets that a configuration asks for, so that one asked for twice is told before `run`
//! finds it taken.

use std::collections::HashMap;

use engine::Role as DataRole;
use schema::BodySchema;
use syntax::{Body, Diagnostic, ExprKind, Span};

use crate::catalogue::Kind;
use crate::graph::Node;

/// Sockets by port number.
#[derive(Default)]
pub(crate) struct Listens {
    by_port: HashMap<u16, Vec<Listen>>,
}

/// One socket as far as text shows it.
struct Listen {
    /// Empty for all addresses.
    host: String,
    udp: bool,
    span: Span,
    path: String,
}

impl Listens {
    /// Notes what a receiver listens on, and says where another one does already.
    pub fn collect(&mut self, node: &Node, kind: Kind, found: &mut Vec<Diagnostic>) {
        let Kind::Data(component) = kind else { return };
        if component.role == DataRole::Receiver {
            let schema = (component.descriptor.arguments)();
            self.body(schema, node.text.block().body(), &node.local_id, found);
        }
    }

    fn body(
        &mut self,
        schema: &BodySchema,
        body: Body<'_>,
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some((listen, port)) = listen(schema, body, path) {
            self.add(listen, port, found);
        }
        for block in body.blocks() {
            let name = block.name();
            if let Some(declared) = schema.block(&name) {
                self.body(
                    (declared.body)(),
                    block.body(),
                    &format!("{path}.{name}"),
                    found,
                );
            }
        }
    }

    fn add(&mut self, listen: Listen, port: u16, found: &mut Vec<Diagnostic>) {
        let here = self.by_port.entry(port).or_default();
        let clash = |other: &&Listen| {
            let all = other.host.is_empty() || listen.host.is_empty();
            other.udp == listen.udp && (all || other.host == listen.host)
        };
        if let Some(first) = here.iter().find(clash) {
            let kind = if listen.udp { "UDP" } else { "TCP" };
            let message = format!("{kind} port {port} is listened on twice");
            let advice = Diagnostic::advice(listen.span, message).path(listen.path.as_str());
            let advice = advice.hint("give one of the two another port");
            found.push(advice.related(first.span, format!("\"{}\" listens first", first.path)));
        }
        here.push(listen);
    }
}

/// The socket that a body describes with constants: `listen_address` and `listen_port`, or
/// `address` of a syslog `listener`, with its `protocol`.
fn listen(schema: &BodySchema, body: Body<'_>, path: &str) -> Option<(Listen, u16)> {
    let (host, port, span) = if schema.field("listen_port").is_some() {
        let (port, span) = number(body, "listen_port")?;
        (
            text(body, "listen_address").map_or(String::new(), |(host, _)| host),
            port,
            span,
        )
    } else if path.ends_with(".listener") || path.ends_with(".grpc") || path.ends_with(".http") {
        let name = if schema.field("address").is_some() {
            "address"
        } else {
            "endpoint"
        };
        schema.field(name)?;
        let (address, span) = text(body, name)?;
        let (host, port) = address.rsplit_once(':')?;
        (host.to_owned(), port.parse().ok()?, span)
    } else {
        return None;
    };
    let protocol = text(body, "protocol").or_else(|| text(body, "transport"));
    let everywhere = matches!(host.as_str(), "0.0.0.0" | "[::]" | "::");
    let listen = Listen {
        host: if everywhere { String::new() } else { host },
        udp: protocol.is_some_and(|(protocol, _)| protocol.starts_with("udp")),
        span,
        path: path.to_owned(),
    };
    // Port 0 is a free one each time.
    (port != 0).then_some((listen, port))
}

fn text(body: Body<'_>, name: &str) -> Option<(String, Span)> {
    let attribute = body
        .attributes()
        .find(|attribute| attribute.name().text == name)?;
    match attribute.value().kind() {
        ExprKind::String(text) => Some((text.into_owned(), attribute.value().span())),
        _ => None,
    }
}

fn number(body: Body<'_>, name: &str) -> Option<(u16, Span)> {
    let attribute = body
        .attributes()
        .find(|attribute| attribute.name().text == name)?;
    match attribute.value().kind() {
        ExprKind::Number(_) => {
            let port = attribute.value().source().parse().ok()?;
            Some((port, attribute.value().span()))
        }
        _ => None,
    }
}
