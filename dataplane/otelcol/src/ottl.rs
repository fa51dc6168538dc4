//! What processors that run OTTL share: contexts by their names in a config, a clock and random
//! bits for functions, and telling of failures.

use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{LogRecord, Metric, OtlpBatch, OtlpSignal, Span, Tree};
use engine::{Nack, Throttle};
use ops::ottl::otlp::{Environment, Pass, keep_log_records, keep_metrics, keep_spans};
use ops::ottl::otlp::{run_on_logs, run_on_metrics, run_on_spans};
use ops::ottl::{Conditions, ErrorMode, Failure, Owner, Statements, SyntaxError, Time};

/// Contexts of traces, metrics and logs, as groups of statements may name them.
pub const TRACES: &[Owner] = &[Owner::Resource, Owner::Scope, Owner::Span, Owner::SpanEvent];
pub const METRICS: &[Owner] = &[
    Owner::Resource,
    Owner::Scope,
    Owner::Metric,
    Owner::DataPoint,
];
pub const LOGS: &[Owner] = &[Owner::Resource, Owner::Scope, Owner::Log];

/// The context of a name, if it is one of these.
pub fn context(name: &str, known: &[Owner]) -> Result<Owner, String> {
    let found = known
        .iter()
        .find(|owner| owner.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|owner| owner.name()).collect();
        format!(
            "unknown context {name:?}, expected one of {}",
            names.join(", ")
        )
    })
}

/// The mode of a name.
pub fn error_mode(name: &str) -> Result<ErrorMode, String> {
    ErrorMode::named(name)
        .ok_or_else(|| format!("unknown error mode {name:?}, expected ignore, silent or propagate"))
}

/// A mistake in the text at `index` of a list, with its place.
pub fn misplaced(list: &str, texts: &[String], (index, error): (usize, SyntaxError)) -> String {
    match texts.get(index) {
        Some(text) => format!("{list}[{index}] {text:?}: {}", error.placed(text)),
        None => format!("{list}: {}", error.message),
    }
}

/// How often failures of one component are told of at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The surroundings of one component's statements.
pub struct Surroundings {
    node: String,
    throttle: Throttle,
}

impl Surroundings {
    pub fn new(node: &str) -> Surroundings {
        Surroundings {
            node: node.to_owned(),
            throttle: Throttle::new(TOLD_EVERY),
        }
    }

    fn tell(&self, failure: &Failure<'_>) {
        let Some(held_back) = self.throttle.pass() else {
            return;
        };
        tracing::warn!(
            component = %self.node,
            held_back,
            "statement {:?} failed on an item: {}; fix it, guard it with where, or set error_mode",
            failure.text,
            failure.error,
        );
    }

    /// Runs something with what statements need, and with telling of failures.
    pub fn pass<R>(&self, run: impl FnOnce(&mut Pass<'_>) -> R) -> R {
        let mut told = |failure: &Failure<'_>| self.tell(failure);
        run(&mut Pass {
            environment: self,
            told: &mut told,
        })
    }
}

impl Environment for Surroundings {
    fn now(&self) -> Time {
        Time::from_nanos(runtime::wall_ns())
    }

    fn random(&self) -> u128 {
        u128::from(runtime::random_u64()) << 64 | u128::from(runtime::random_u64())
    }
}

/// What is done to all items of a batch: statements run on them, or conditions say which go.
pub trait Rule {
    fn on_spans<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Span<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>>;
    fn on_metrics<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Metric<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>>;
    fn on_logs<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, LogRecord<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>>;
}

impl Rule for Statements {
    fn on_spans<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Span<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        run_on_spans(tree, self, pass)
    }

    fn on_metrics<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Metric<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        run_on_metrics(tree, self, pass)
    }

    fn on_logs<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, LogRecord<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        run_on_logs(tree, self, pass)
    }
}

impl Rule for Conditions {
    fn on_spans<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Span<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        keep_spans(tree, self, pass)
    }

    fn on_metrics<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, Metric<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        keep_metrics(tree, self, pass)
    }

    fn on_logs<'a, 's>(
        &'s self,
        tree: &mut Tree<'a, LogRecord<'a>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Failure<'s>> {
        keep_log_records(tree, self, pass)
    }
}

/// The rules of each signal, in their order.
pub struct Rules<R> {
    pub traces: Vec<R>,
    pub metrics: Vec<R>,
    pub logs: Vec<R>,
}

impl<R: Rule> Rules<R> {
    /// The batch after the rules; itself if there are none for its signal.
    pub fn apply(
        &self,
        batch: &Rc<OtlpBatch>,
        surroundings: &Surroundings,
    ) -> Result<Rc<OtlpBatch>, Nack> {
        let rules = match batch.signal() {
            OtlpSignal::Traces => &self.traces,
            OtlpSignal::Metrics => &self.metrics,
            OtlpSignal::Logs => &self.logs,
        };
        if rules.is_empty() {
            return Ok(batch.clone());
        }
        let result = surroundings.pass(|pass| match batch.signal() {
            OtlpSignal::Traces => {
                let mut tree = batch.spans();
                let mut rules = rules.iter();
                rules.try_for_each(|rule| rule.on_spans(&mut tree, pass))?;
                Ok(tree.encode())
            }
            OtlpSignal::Metrics => {
                let mut tree = batch.metrics();
                let mut rules = rules.iter();
                rules.try_for_each(|rule| rule.on_metrics(&mut tree, pass))?;
                Ok(tree.encode())
            }
            OtlpSignal::Logs => {
                let mut tree = batch.log_records();
                let mut rules = rules.iter();
                rules.try_for_each(|rule| rule.on_logs(&mut tree, pass))?;
                Ok(tree.encode())
            }
        });
        result.map(Rc::new).map_err(|failure| refused(&failure))
    }
}

/// Compat: an error that is propagated asks the sender to come again.
pub fn refused(failure: &Failure<'_>) -> Nack {
    let message = format!("failed to execute {:?}: {}", failure.text, failure.error);
    Nack::retry("ottl", message)
}
