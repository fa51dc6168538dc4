//! From the bytes of a request to a batch.
//!
//! Cost of an entry of a protobuf push: its fields are walked; nothing is copied or allocated. Of a
//! stream: a look-up of its labels' text.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

use batch::{LabelsBuf, LogsBatch, TENANT_LABEL};
use flate2::read::DeflateDecoder;
use formats::loki_push::{self, Limits, parse_labels};
use formats::snappy;
use net::{Incoming, StatusCode, header};
use ops::relabel::{self, Rule};

use super::SourceApiArguments;
use super::tenant::tenant;
use crate::http::{Decoded, Route, Source, Verdict, text_header};
use crate::outcomes::Outcomes;

/// Limit: what one request may hold, so that 100 MiB of empty entries do not become gigabytes.
const LIMITS: Limits = Limits {
    streams_max: 1 << 20,
    entries_max: 4 << 20,
    pairs_max: 8 << 20,
};

/// Limit: label texts whose outcome is remembered.
const KNOWN_MAX: usize = 50_000;

/// What is made of pushes.
pub struct Pushes {
    fixed: Vec<(String, String)>,
    fixed_alone: Rc<LabelsBuf>,
    rules: Vec<Rule>,
    keeps_time: bool,
    body_bytes_max: u64,
    state: RefCell<State>,
}

struct State {
    /// By the tenant, a zero byte and the labels' text.
    known: Outcomes<Vec<u8>, Option<Rc<LabelsBuf>>>,
    key: Vec<u8>,
    labels: LabelsBuf,
}

impl Pushes {
    pub fn new(arguments: &SourceApiArguments, body_bytes_max: u64) -> Pushes {
        let fixed = |labels: &BTreeMap<String, String>| {
            let pairs = labels.iter();
            pairs
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let fixed: Vec<(String, String)> = fixed(&arguments.labels);
        let pairs = fixed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Pushes {
            fixed_alone: Rc::new(pairs.collect()),
            fixed,
            rules: arguments.relabel_rules.0.clone(),
            keeps_time: arguments.use_incoming_timestamp,
            body_bytes_max,
            state: RefCell::new(State {
                known: Outcomes::new(KNOWN_MAX),
                key: Vec::new(),
                labels: LabelsBuf::new(),
            }),
        }
    }

    /// The labels that entries of a stream get; none where the rules drop it.
    fn outcome(
        &self,
        tenant: &str,
        text: &[u8],
    ) -> Result<Option<Rc<LabelsBuf>>, loki_push::LabelsError> {
        let state = &mut *self.state.borrow_mut();
        state.key.clear();
        state.key.extend_from_slice(tenant.as_bytes());
        state.key.push(0);
        state.key.extend_from_slice(text);
        if let Some(known) = state.known.get(state.key.as_slice()) {
            return Ok(known);
        }
        parse_labels(text, &mut state.labels)?;
        let outcome = self.relabel(tenant, &mut state.labels);
        state.known.insert(state.key.clone(), outcome.clone());
        Ok(outcome)
    }

    fn relabel(&self, tenant: &str, labels: &mut LabelsBuf) -> Option<Rc<LabelsBuf>> {
        for (name, value) in &self.fixed {
            labels.set(name, value);
        }
        let kept = relabel::apply(&self.rules, labels) == relabel::Outcome::Keep;
        if !kept || labels.is_empty() {
            return None;
        }
        labels.retain(|name, _| !name.starts_with("__"));
        if !tenant.is_empty() {
            labels.set(TENANT_LABEL, tenant);
        }
        Some(Rc::new(labels.clone()))
    }

    fn push(&self, request: &Incoming, body: &mut Vec<u8>) -> Decoded {
        if let Err(text) = self.unpack(request, body) {
            return Decoded::refused(Verdict::bad(text));
        }
        let json = match is_json(request) {
            Ok(json) => json,
            Err(text) => return Decoded::refused(Verdict::bad(text)),
        };
        let tenant = text_header(request, "x-scope-orgid").and_then(tenant);
        let tenant = tenant.unwrap_or_default();
        let mut batch = LogsBatch::default();
        let mut bad_labels = None;
        let mut labels = |text: &[u8]| match self.outcome(tenant, text) {
            Ok(outcome) => outcome,
            Err(error) => {
                bad_labels = Some(error.to_string());
                None
            }
        };
        let decoded = match json {
            true => {
                let mut text = Vec::new();
                loki_push::decode_json(body, &mut batch, &LIMITS, &mut |set| {
                    text.clear();
                    loki_push::write_all_labels(set, &mut text);
                    labels(&text)
                })
                .map_err(|error| error.to_string())
            }
            false => {
                let limit = usize::try_from(self.body_bytes_max).unwrap_or(usize::MAX);
                snappy::decompress(body, limit, &mut batch.text)
                    .map_err(|error| error.to_string())
                    .and_then(|()| {
                        loki_push::decode(&mut batch, &LIMITS, &mut labels)
                            .map_err(|error| error.to_string())
                    })
            }
        };
        if let Err(text) = decoded {
            return Decoded::refused(Verdict::bad(text));
        }
        if !self.keeps_time {
            stamp(&mut batch);
        }
        let verdict = match bad_labels {
            Some(text) => Verdict::bad(text),
            None => Verdict::ok(StatusCode::NO_CONTENT),
        };
        Decoded { batch, verdict }
    }

    /// Takes off what `Content-Encoding` names; gzip has been taken off already.
    fn unpack(&self, request: &Incoming, body: &mut Vec<u8>) -> Result<(), String> {
        match text_header(request, "content-encoding").unwrap_or_default() {
            "" | "snappy" | "gzip" => Ok(()),
            "deflate" => {
                let mut plain = Vec::new();
                let reader = DeflateDecoder::new(body.as_slice());
                let mut limited = reader.take(self.body_bytes_max + 1);
                limited
                    .read_to_end(&mut plain)
                    .map_err(|error| format!("not a deflate stream: {error}"))?;
                if plain.len() as u64 > self.body_bytes_max {
                    let limit = self.body_bytes_max;
                    return Err(format!("message size too large than max ({limit})"));
                }
                *body = plain;
                Ok(())
            }
            other => Err(format!("Content-Encoding {other:?} not supported")),
        }
    }

    /// Plain lines, which get the fixed labels and nothing else.
    fn raw(&self, body: &[u8]) -> Decoded {
        let mut batch = LogsBatch::default();
        let mut now_ns = runtime::wall_ns();
        for line in body.split(|byte| *byte == b'\n') {
            let end = line.iter().rposition(|byte| *byte != b'\r');
            let Some(end) = end else { continue };
            batch.add_line(&self.fixed_alone, now_ns, &line[..=end]);
            now_ns += 1;
        }
        let verdict = Verdict::ok(StatusCode::NO_CONTENT);
        Decoded { batch, verdict }
    }
}

impl Source for Pushes {
    fn route(&self, path: &str) -> Route {
        match path {
            "/api/v1/push" | "/loki/api/v1/push" | "/api/v1/raw" | "/loki/api/v1/raw" => {
                Route::Entries
            }
            "/ready" => Route::Ready,
            _ => Route::Unknown,
        }
    }

    fn decode(&self, request: &Incoming, body: &mut Vec<u8>) -> Decoded {
        match request.uri.path().ends_with("/raw") {
            true => self.raw(body),
            false => self.push(request, body),
        }
    }
}

/// Gives every entry the time of its arrival, in their order: Loki takes two equal lines of one
/// time for the same.
fn stamp(batch: &mut LogsBatch) {
    let mut now_ns = runtime::wall_ns();
    for stream in &mut batch.streams {
        for entry in &mut stream.entries {
            entry.timestamp_ns = now_ns;
            now_ns += 1;
        }
    }
}

/// Whether the body is JSON; anything else that has a type is taken for protobuf.
fn is_json(request: &Incoming) -> Result<bool, String> {
    let kind = request.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let token = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    let sound = match media.split_once('/') {
        Some((kind, part)) => token(kind) && token(part),
        None => token(media),
    };
    // Compat: the reference wants to be told the type.
    if !sound {
        return Err(format!("Content-Type {kind:?} is not a media type"));
    }
    let parameter = |part: &str| part.split_once('=').is_some_and(|(name, _)| token(name));
    if !parts.all(|part| part.is_empty() || parameter(part)) {
        return Err(format!(
            "Content-Type {kind:?} has a parameter without a value"
        ));
    }
    Ok(media.eq_ignore_ascii_case("application/json"))
}
