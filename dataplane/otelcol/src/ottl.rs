//! What processors that run OTTL share: contexts by their names in a config, a clock and random
//! bits for functions, and telling of failures.

use std::time::Duration;

use engine::Throttle;
use ops::ottl::otlp::{Environment, Pass};
use ops::ottl::{ErrorMode, Failure, Owner, SyntaxError, Time};

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
