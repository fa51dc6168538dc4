//! Test files: what one may write, and how it is read.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use schema::{Arguments, Value};
use syntax::{Diagnostic, SourceMap};

use crate::exit::Failure;

/// One `test` block.
pub(super) struct Case {
    pub name: String,
    /// `file:line:column`
    pub place: String,
    pub body: Test,
    pub expect: Expect,
}

/// What is fed to what, and what is to come out.
#[derive(Arguments)]
pub(super) struct Test {
    /// Id of the component that gets the input.
    #[arg(required)]
    pub component: String,
    /// Ids of components behind it that take part; what goes to any other is output.
    pub with: Vec<String>,
    /// Simulated time between the last input and the end, for what comes out later.
    #[arg(default = "1m")]
    pub after: Duration,
    /// Telemetry to feed, in this order.
    #[arg(block)]
    pub input: Vec<Input>,
    /// What is to come out.
    #[arg(block)]
    pub expect: Option<Expect>,
}

/// One batch.
#[derive(Arguments)]
pub(super) struct Input {
    /// Samples in the text format of Prometheus.
    pub metrics: String,
    /// Labels of the log lines.
    pub labels: BTreeMap<String, String>,
    /// Log lines.
    pub lines: Vec<String>,
    /// Structured metadata of each of the log lines.
    pub structured_metadata: BTreeMap<String, String>,
    /// Attributes of the resource of the spans.
    pub resource: BTreeMap<String, Value>,
    /// Spans.
    #[arg(block)]
    pub span: Vec<Span>,
}

/// A span.
#[derive(Arguments)]
pub(super) struct Span {
    /// Its name.
    #[arg(required)]
    pub name: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
    /// How long it took.
    #[arg(default = "1ms")]
    pub duration: Duration,
    /// Whether its status is an error.
    pub error: bool,
}

/// What is to come out.
#[derive(Arguments, Default)]
pub(super) struct Expect {
    /// Everything that comes out, a line an item, in its order. Blanks around a line do not count.
    pub output: String,
    /// How many items the components drop on purpose.
    pub dropped: Option<u64>,
}

impl Expect {
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.output.lines().map(str::trim);
        lines.filter(|line| !line.is_empty())
    }
}

/// Reads a test file. Its mistakes are printed, all at once.
pub(super) fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::message(format!("cannot read \"{name}\": {error}")))?;
    let mut sources = SourceMap::new();
    sources.add(name, text.as_str());
    parse(&text, &sources).map_err(|found| {
        eprint!("{}", syntax::render_all(&found, &sources));
        Failure::reported()
    })
}

pub(super) fn parse(text: &str, sources: &SourceMap) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let parsed = syntax::parse(0, text);
    let mut errors = parsed.diagnostics;
    let mut cases = Vec::new();
    if errors.iter().any(Diagnostic::is_error) {
        return Err(errors);
    }
    for stmt in parsed.tree.body().statements() {
        match stmt {
            syntax::Stmt::Block(block) if block.name() == "test" && block.label().is_some() => {
                cases.extend(one(block, sources, &mut errors));
            }
            other => {
                let error = Diagnostic::error(other.span(), "a test file holds tests only");
                errors.push(error.expected("test \"name\" { ... }"));
            }
        }
    }
    if errors.iter().any(Diagnostic::is_error) {
        return Err(errors);
    }
    Ok(cases)
}

fn one(
    block: syntax::Block<'_>,
    sources: &SourceMap,
    errors: &mut Vec<Diagnostic>,
) -> Option<Case> {
    let label = block.label()?;
    let scope = eval::Scope::new();
    let body = eval::evaluate_body(block.body(), block.name_span(), &scope, errors)?;
    let mut mistakes = Vec::new();
    let decoded = Test::decode(&body, &mut mistakes);
    errors.extend(eval::decode_diagnostics("test", mistakes));
    let mut body = decoded?;
    let expect = body.expect.take().unwrap_or_default();
    Some(Case {
        name: label.text.to_owned(),
        place: sources.location(block.name_span()).unwrap_or_default(),
        body,
        expect,
    })
}
