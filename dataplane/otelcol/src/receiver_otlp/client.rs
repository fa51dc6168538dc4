//! Who sent a request, for processors and exporters that ask.

use std::sync::Arc;

use batch::otlp::{Client, Metadata};
use net::{Incoming, header};

use crate::settings::ServerAuth;

/// What is kept of a request's sender. Costs one allocation a request; a copy of every header
/// where `include_metadata` asks for it.
pub fn client(
    request: &Incoming,
    include_metadata: bool,
    auth: Option<&ServerAuth>,
) -> Option<Arc<Client>> {
    Some(Arc::new(Client {
        address: Some(request.peer.ip().to_canonical()),
        metadata: match include_metadata {
            true => metadata(request),
            false => Metadata::default(),
        },
        identity: auth.map_or_else(Vec::new, |auth| auth.identity(&request.headers)),
    }))
}

fn metadata(request: &Incoming) -> Metadata {
    let mut metadata = Metadata::default();
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        metadata.add(name.as_str(), value.into_owned());
    }
    // Compat: what HTTP/2 has in a field of its own is a header here.
    if !request.headers.contains_key(header::HOST)
        && let Some(authority) = request.uri.authority()
    {
        metadata.add(":authority", authority.to_string());
        metadata.add("host", authority.to_string());
    }
    metadata
}
