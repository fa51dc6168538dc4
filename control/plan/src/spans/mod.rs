//! Spans of the process itself: what the `tracing` block sends to OTLP consumers.
//!
//! ```text
//! Reload                       a load of the configuration that somebody asked for
//! `- GraphEvaluate             its evaluation
//!    `- EvaluateNode           one node of it
//! SubmitDependantsForEvaluation   a refresh: what depends on changed exports
//! `- EvaluateNode
//! GET /-/reload                a request to the admin server
//! ```
//!
//! Only control makes spans, at the grain of evaluations and requests: no shard does, and none is
//! made per item. Whether a trace is kept is decided once, at its root; below a root that is not,
//! and while no `tracing` block asks for spans, a span costs a load of an atomic.
//!
//! Compat: names, attributes and statuses of evaluation are Alloy's.

mod sampler;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use engine::{OwnKind, OwnSpan, OwnStatus, OwnValue};
use tokio::time::Instant;

pub use sampler::{OperationRate, Sampler, Strategy};

/// Makes spans, and hands those that are kept to whom the `tracing` block names. Clones share what
/// is set.
#[derive(Clone, Default)]
pub struct Tracer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether there is anybody to send to, read before anything else is.
    enabled: AtomicBool,
    settings: Mutex<TracerSettings>,
}

/// What the `tracing` block sets.
#[derive(Default)]
pub struct TracerSettings {
    /// Who takes the spans that are kept. What finds it full is left out.
    pub sink: Option<flume::Sender<OwnSpan>>,
    pub sampler: Sampler,
    /// Whether requests that bear a trace are part of it.
    pub follows_requests: bool,
}

/// The trace that a request came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteParent {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub sampled: bool,
}

impl Tracer {
    pub fn set(&self, settings: TracerSettings) {
        let enabled = settings.sink.is_some();
        *self.settings() = settings;
        self.shared.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Decides by another strategy from now on. The same one goes on with what it has counted.
    pub fn refine(&self, strategy: Strategy) {
        let mut settings = self.settings();
        if *settings.sampler.strategy() != strategy {
            settings.sampler = Sampler::new(strategy);
        }
    }

    /// Gives the present sampler away, for one that goes on with it until it knows better.
    pub fn take_sampler(&self) -> Sampler {
        std::mem::take(&mut self.settings().sampler)
    }

    /// Whether anybody gets spans.
    pub fn is_enabled(&self) -> bool {
        self.shared.enabled.load(Ordering::Relaxed)
    }

    /// Begins a trace.
    pub fn root(&self, scope: &'static str, name: &str) -> Span {
        self.begin(scope, name, OwnKind::Internal, None)
    }

    /// Begins the span of a request, in the trace that it came with if that is to be followed.
    pub fn request(&self, scope: &'static str, name: &str, parent: Option<RemoteParent>) -> Span {
        self.begin(scope, name, OwnKind::Server, parent)
    }

    fn begin(
        &self,
        scope: &'static str,
        name: &str,
        kind: OwnKind,
        parent: Option<RemoteParent>,
    ) -> Span {
        if !self.is_enabled() {
            return Span(None);
        }
        let mut settings = self.settings();
        let parent = parent.filter(|_| settings.follows_requests);
        let trace_id = match parent {
            Some(parent) => parent.trace_id,
            None => new_trace_id(),
        };
        let keeps = match parent {
            Some(parent) => parent.sampled,
            None => settings.sampler.keeps(trace_id, name, Instant::now()),
        };
        drop(settings);
        if !keeps {
            return Span(None);
        }
        let parent_id = parent.map(|parent| parent.span_id);
        Span::begin(self.clone(), scope, name, kind, (trace_id, parent_id))
    }

    fn end(&self, span: OwnSpan) {
        if let Some(sink) = &self.settings().sink {
            // Full or gone: spans are no telemetry that anybody was promised.
            drop(sink.try_send(span));
        }
    }

    fn settings(&self) -> MutexGuard<'_, TracerSettings> {
        let settings = self.shared.settings.lock();
        settings.expect("nothing panics while it holds the lock")
    }
}

/// Something that takes time; it ends when it is dropped. Empty where the trace is not kept.
#[derive(Default)]
pub struct Span(Option<Box<Recording>>);

struct Recording {
    tracer: Tracer,
    began: Instant,
    span: OwnSpan,
}

impl Span {
    fn begin(
        tracer: Tracer,
        scope: &'static str,
        name: &str,
        kind: OwnKind,
        (trace_id, parent_id): ([u8; 16], Option<[u8; 8]>),
    ) -> Span {
        let start_ns = u64::try_from(runtime::wall_ns()).unwrap_or_default();
        let span = OwnSpan {
            scope,
            name: name.to_owned(),
            trace_id,
            span_id: new_span_id(),
            parent_id,
            kind,
            start_ns,
            end_ns: start_ns,
            attributes: Vec::new(),
            status: OwnStatus::Unset,
        };
        Span(Some(Box::new(Recording {
            tracer,
            began: Instant::now(),
            span,
        })))
    }

    /// Begins a part of this one.
    pub fn child(&self, name: &str) -> Span {
        let Some(parent) = &self.0 else {
            return Span(None);
        };
        let OwnSpan {
            scope,
            trace_id,
            span_id,
            ..
        } = parent.span;
        let of = (trace_id, Some(span_id));
        Span::begin(parent.tracer.clone(), scope, name, OwnKind::Internal, of)
    }

    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    pub fn text(&mut self, key: &'static str, value: &str) {
        if let Some(recording) = &mut self.0 {
            let value = OwnValue::Text(value.to_owned());
            recording.span.attributes.push((key, value));
        }
    }

    pub fn int(&mut self, key: &'static str, value: i64) {
        if let Some(recording) = &mut self.0 {
            let value = OwnValue::Int(value);
            recording.span.attributes.push((key, value));
        }
    }

    pub fn ok(&mut self) {
        if let Some(recording) = &mut self.0 {
            recording.span.status = OwnStatus::Ok;
        }
    }

    /// `why` is only asked for where the span is kept.
    pub fn failed(&mut self, why: impl FnOnce() -> String) {
        if let Some(recording) = &mut self.0 {
            recording.span.status = OwnStatus::Error(why());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(recording) = self.0.take() {
            let Recording {
                tracer,
                began,
                mut span,
            } = *recording;
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            span.end_ns = span.start_ns.saturating_add(took);
            tracer.end(span);
        }
    }
}

/// Zero is no id, by the definition of W3C's trace context.
fn new_span_id() -> [u8; 8] {
    runtime::random_u64().max(1).to_be_bytes()
}

fn new_trace_id() -> [u8; 16] {
    let high = u128::from(runtime::random_u64()) << 64;
    (high | u128::from(runtime::random_u64()))
        .max(1)
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer(fraction: f64, follows_requests: bool) -> (Tracer, flume::Receiver<OwnSpan>) {
        let (sink, spans) = flume::bounded(10);
        let tracer = Tracer::default();
        tracer.set(TracerSettings {
            sink: Some(sink),
            sampler: Sampler::new(Strategy::Fraction(fraction)),
            follows_requests,
        });
        (tracer, spans)
    }

    #[test]
    fn parts_belong_to_the_trace_of_their_root() {
        let (tracer, spans) = tracer(1.0, false);
        let mut root = tracer.root("scope", "root");
        let mut part = root.child("part");
        part.text("node_id", "a.b");
        part.failed(|| "why".to_owned());
        drop(part);
        root.ok();
        drop(root);
        let (part, root) = (spans.recv().unwrap(), spans.recv().unwrap());
        assert_eq!(part.trace_id, root.trace_id);
        assert_eq!(part.parent_id, Some(root.span_id));
        assert_eq!(root.parent_id, None);
        assert_eq!(part.status, OwnStatus::Error("why".to_owned()));
        assert_eq!(root.status, OwnStatus::Ok);
        assert!(root.start_ns <= root.end_ns);
    }

    #[test]
    fn what_is_not_kept_makes_no_parts_and_asks_for_no_reason() {
        let (tracer, spans) = tracer(0.0, false);
        let mut root = tracer.root("scope", "root");
        root.failed(|| unreachable!("nobody would read it"));
        assert!(!root.is_kept() && !root.child("part").is_kept());
        drop(root);
        assert!(spans.is_empty());
        assert!(!Tracer::default().root("scope", "root").is_kept());
    }

    #[test]
    fn requests_bring_their_trace_and_its_decision_if_that_is_asked_for() {
        let parent = |sampled| RemoteParent {
            trace_id: [9; 16],
            span_id: [8; 8],
            sampled,
        };
        let (follows, spans) = tracer(0.0, true);
        drop(follows.request("http", "GET /", Some(parent(true))));
        let span = spans.recv().unwrap();
        assert_eq!(
            (span.trace_id, span.parent_id, span.kind),
            ([9; 16], Some([8; 8]), OwnKind::Server)
        );
        let unsampled = follows.request("http", "GET /", Some(parent(false)));
        assert!(!unsampled.is_kept());
        let (alone, spans) = tracer(1.0, false);
        drop(alone.request("http", "GET /", Some(parent(false))));
        assert_eq!(spans.recv().unwrap().parent_id, None);
    }

    #[test]
    fn a_full_channel_loses_spans_and_holds_nobody_up() {
        let (tracer, spans) = tracer(1.0, false);
        for _ in 0..20 {
            drop(tracer.root("scope", "root"));
        }
        assert_eq!(spans.len(), 10);
    }
}
