//! XPath, as far as documents are selected from in practice: paths of children, descendants and
//! attributes with predicates, comparisons, `and`, `or`, and the usual functions.

use super::document::{DOCUMENT, Document, Id, Kind, local};

/// Limit: expressions in expressions.
const DEPTH_MAX: usize = 50;

/// Something that can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selected {
    Node(Id),
    /// An attribute of an element, by its place.
    Attribute(Id, usize),
}

/// A compiled path, or several with `|` between.
#[derive(Debug, Clone)]
pub(super) struct XPath {
    paths: Vec<Path>,
}

#[derive(Debug, Clone)]
struct Path {
    absolute: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    /// Whether all below count, not only the children.
    deep: bool,
    test: Test,
    predicates: Vec<Expression>,
}

#[derive(Debug, Clone)]
enum Test {
    Name(String),
    Any,
    Attribute(String),
    AnyAttribute,
    Text,
    Comment,
    Node,
    Myself,
    Parent,
}

#[derive(Debug, Clone)]
enum Expression {
    Text(String),
    Number(f64),
    Path(Path),
    Call(String, Vec<Expression>),
    Binary(Box<Expression>, &'static str, Box<Expression>),
}

/// What an expression gives.
enum Outcome {
    Text(String),
    Number(f64),
    Bool(bool),
    Nodes(Vec<Selected>),
}

impl XPath {
    pub(super) fn new(text: &str) -> Result<XPath, String> {
        let mut parser = Parser {
            text,
            rest: text,
            depth: 0,
        };
        let mut paths = vec![parser.path()?];
        while parser.accept("|") {
            paths.push(parser.path()?);
        }
        parser.skip();
        match parser.rest.is_empty() {
            true => Ok(XPath { paths }),
            false => Err(parser.failed()),
        }
    }

    /// What the path selects, in the order of the document.
    pub(super) fn select(&self, document: &Document) -> Vec<Selected> {
        let mut all = Vec::new();
        for path in &self.paths {
            for selected in path.select(document, Selected::Node(DOCUMENT)) {
                if !all.contains(&selected) {
                    all.push(selected);
                }
            }
        }
        all
    }
}

impl Path {
    fn select(&self, document: &Document, from: Selected) -> Vec<Selected> {
        let start = if self.absolute {
            Selected::Node(DOCUMENT)
        } else {
            from
        };
        let mut current = vec![start];
        for step in &self.steps {
            let mut next = Vec::new();
            for selected in current {
                let found = step.select(document, selected);
                // A deep step below a deep step meets nodes again.
                next.extend(found);
            }
            next.dedup();
            current = next;
        }
        let mut unique = Vec::with_capacity(current.len());
        let mut seen = std::collections::HashSet::new();
        for selected in current {
            let key = match selected {
                Selected::Node(id) => (id, usize::MAX),
                Selected::Attribute(id, index) => (id, index),
            };
            if seen.insert(key) {
                unique.push(selected);
            }
        }
        unique
    }
}

impl Step {
    fn select(&self, document: &Document, from: Selected) -> Vec<Selected> {
        let Selected::Node(id) = from else {
            return match (&self.test, from) {
                (Test::Myself, from) => vec![from],
                (Test::Parent, Selected::Attribute(owner, _)) => vec![Selected::Node(owner)],
                _ => Vec::new(),
            };
        };
        let mut found = Vec::new();
        if self.deep {
            self.below(document, id, &mut found);
        } else {
            self.group(document, id, &mut found);
        }
        found
    }

    fn below(&self, document: &Document, id: Id, found: &mut Vec<Selected>) {
        self.group(document, id, found);
        for &child in &document.node(id).children {
            self.below(document, child, found);
        }
    }

    /// What of one node fits the test and the predicates, whose positions count there.
    fn group(&self, document: &Document, id: Id, found: &mut Vec<Selected>) {
        let mut group = self.candidates(document, id);
        for predicate in &self.predicates {
            let last = group.len();
            let kept = group.iter().enumerate().filter(|(index, selected)| {
                let place = (index + 1, last);
                match predicate.evaluate(document, **selected, place) {
                    Outcome::Number(number) => number == place.0 as f64,
                    result => result.is_true(),
                }
            });
            group = kept.map(|(_, selected)| *selected).collect();
        }
        found.extend(group);
    }

    fn candidates(&self, document: &Document, id: Id) -> Vec<Selected> {
        let node = document.node(id);
        let children = |fits: &dyn Fn(Id) -> bool| {
            let children = node.children.iter().copied().filter(|&child| fits(child));
            children.map(Selected::Node).collect()
        };
        let attributes = |fits: &dyn Fn(&str) -> bool| {
            let attributes = document.attributes(id).iter().enumerate();
            attributes
                .filter(|(_, (name, _))| fits(name) && document.name(id).is_some())
                .map(|(index, _)| Selected::Attribute(id, index))
                .collect()
        };
        match &self.test {
            Test::Name(name) => children(&|child| document.name(child) == Some(name)),
            Test::Any => children(&|child| document.name(child).is_some()),
            Test::Text => children(&|child| {
                matches!(document.node(child).kind, Kind::Text(_) | Kind::CData(_))
            }),
            Test::Comment => {
                children(&|child| matches!(document.node(child).kind, Kind::Comment(_)))
            }
            Test::Node => children(&|_| true),
            Test::Attribute(wanted) => attributes(&|name| name == wanted),
            Test::AnyAttribute => attributes(&|_| true),
            Test::Myself => vec![Selected::Node(id)],
            Test::Parent => vec![Selected::Node(node.parent)],
        }
    }
}

pub(super) fn text_of(document: &Document, selected: Selected) -> String {
    match selected {
        Selected::Node(id) => document.inner_text(id),
        Selected::Attribute(id, index) => document.attributes(id)[index].1.clone(),
    }
}

fn name_of(document: &Document, selected: Selected) -> String {
    match selected {
        Selected::Node(id) => document.name(id).unwrap_or_default().to_owned(),
        Selected::Attribute(id, index) => document.attributes(id)[index].0.clone(),
    }
}

impl Outcome {
    fn is_true(&self) -> bool {
        match self {
            Outcome::Text(text) => !text.is_empty(),
            Outcome::Number(number) => *number != 0.0,
            Outcome::Bool(value) => *value,
            Outcome::Nodes(nodes) => !nodes.is_empty(),
        }
    }

    fn text(&self, document: &Document) -> String {
        match self {
            Outcome::Text(text) => text.clone(),
            Outcome::Number(number) => number.to_string(),
            Outcome::Bool(value) => value.to_string(),
            Outcome::Nodes(nodes) => nodes
                .first()
                .map_or(String::new(), |&first| text_of(document, first)),
        }
    }

    fn number(&self, document: &Document) -> f64 {
        match self {
            Outcome::Number(number) => *number,
            other => other.text(document).trim().parse().unwrap_or(f64::NAN),
        }
    }
}

impl Expression {
    fn evaluate(&self, document: &Document, at: Selected, place: (usize, usize)) -> Outcome {
        match self {
            Expression::Text(text) => Outcome::Text(text.clone()),
            Expression::Number(number) => Outcome::Number(*number),
            Expression::Path(path) => Outcome::Nodes(path.select(document, at)),
            Expression::Call(name, arguments) => {
                let arguments: Vec<Outcome> = arguments
                    .iter()
                    .map(|argument| argument.evaluate(document, at, place))
                    .collect();
                call(document, name, &arguments, at, place)
            }
            Expression::Binary(left, operator, right) => {
                let left = left.evaluate(document, at, place);
                if *operator == "and" && !left.is_true() {
                    return Outcome::Bool(false);
                }
                if *operator == "or" && left.is_true() {
                    return Outcome::Bool(true);
                }
                let right = right.evaluate(document, at, place);
                Outcome::Bool(match *operator {
                    "and" | "or" => right.is_true(),
                    operator => compare(document, &left, operator, &right),
                })
            }
        }
    }
}

/// A set of nodes compares as true if one of them does.
fn compare(document: &Document, left: &Outcome, operator: &str, right: &Outcome) -> bool {
    let single = |result: &Outcome| match result {
        Outcome::Nodes(nodes) => nodes
            .iter()
            .map(|&node| Outcome::Text(text_of(document, node)))
            .collect(),
        other => vec![match other {
            Outcome::Number(number) => Outcome::Number(*number),
            Outcome::Bool(value) => Outcome::Bool(*value),
            other => Outcome::Text(other.text(document)),
        }],
    };
    let (lefts, rights) = (single(left), single(right));
    lefts.iter().any(|left| {
        rights.iter().any(|right| {
            let numbers = (left.number(document), right.number(document));
            let textual = matches!((left, right), (Outcome::Text(_), Outcome::Text(_)));
            match operator {
                "=" if textual => left.text(document) == right.text(document),
                "!=" if textual => left.text(document) != right.text(document),
                "=" => numbers.0 == numbers.1,
                "!=" => numbers.0 != numbers.1,
                "<" => numbers.0 < numbers.1,
                "<=" => numbers.0 <= numbers.1,
                ">" => numbers.0 > numbers.1,
                _ => numbers.0 >= numbers.1,
            }
        })
    })
}

/// The functions, and how many arguments they take.
const FUNCTIONS: &[(&str, std::ops::RangeInclusive<usize>)] = &[
    ("not", 1..=1),
    ("true", 0..=0),
    ("false", 0..=0),
    ("boolean", 1..=1),
    ("contains", 2..=2),
    ("starts-with", 2..=2),
    ("ends-with", 2..=2),
    ("local-name", 0..=1),
    ("name", 0..=1),
    ("position", 0..=0),
    ("last", 0..=0),
    ("count", 1..=1),
    ("string", 0..=1),
    ("number", 0..=1),
    ("string-length", 0..=1),
    ("normalize-space", 0..=1),
    ("concat", 2..=16),
];

fn call(
    document: &Document,
    name: &str,
    arguments: &[Outcome],
    at: Selected,
    place: (usize, usize),
) -> Outcome {
    let text = |index: usize| match arguments.get(index) {
        Some(argument) => argument.text(document),
        None => text_of(document, at),
    };
    let named = || match arguments.first() {
        Some(Outcome::Nodes(nodes)) => nodes
            .first()
            .map_or(String::new(), |&node| name_of(document, node)),
        _ => name_of(document, at),
    };
    match name {
        "not" => Outcome::Bool(!arguments[0].is_true()),
        "true" => Outcome::Bool(true),
        "false" => Outcome::Bool(false),
        "boolean" => Outcome::Bool(arguments[0].is_true()),
        "contains" => Outcome::Bool(text(0).contains(&text(1))),
        "starts-with" => Outcome::Bool(text(0).starts_with(&text(1))),
        "ends-with" => Outcome::Bool(text(0).ends_with(&text(1))),
        "local-name" => Outcome::Text(local(&named()).to_owned()),
        "name" => Outcome::Text(named()),
        "position" => Outcome::Number(place.0 as f64),
        "last" => Outcome::Number(place.1 as f64),
        "count" => match &arguments[0] {
            Outcome::Nodes(nodes) => Outcome::Number(nodes.len() as f64),
            _ => Outcome::Number(0.0),
        },
        "number" => Outcome::Number(text(0).trim().parse().unwrap_or(f64::NAN)),
        "string-length" => Outcome::Number(text(0).chars().count() as f64),
        "normalize-space" => {
            let text = text(0);
            let words: Vec<&str> = text.split_whitespace().collect();
            Outcome::Text(words.join(" "))
        }
        "concat" => Outcome::Text((0..arguments.len()).map(text).collect()),
        _ => Outcome::Text(text(0)),
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn failed(&self) -> String {
        let at = self.text.len() - self.rest.len();
        format!("invalid xpath: {:?} at {at}", self.text)
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.accept(token) {
            true => Ok(()),
            false => Err(self.failed()),
        }
    }

    fn name(&mut self) -> Option<String> {
        self.skip();
        let known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = self.rest.find(|c| !known(c)).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || name.contains("::") {
            return None;
        }
        self.rest = &self.rest[end..];
        Some(name.to_owned())
    }

    fn path(&mut self) -> Result<Path, String> {
        self.skip();
        let mut path = Path {
            absolute: self.rest.starts_with('/'),
            steps: Vec::new(),
        };
        let mut deep = self.accept("//");
        if !deep && self.accept("/") {
            self.skip();
            if self.rest.is_empty() || self.rest.starts_with(['|', ')', ']']) {
                return Ok(path);
            }
        }
        loop {
            path.steps.push(self.step(deep)?);
            deep = self.accept("//");
            if !deep && !self.accept("/") {
                return Ok(path);
            }
        }
    }

    fn step(&mut self, deep: bool) -> Result<Step, String> {
        let test = if self.accept("..") {
            Test::Parent
        } else if self.accept(".") {
            Test::Myself
        } else if self.accept("@") || self.accept("attribute::") {
            match self.accept("*") {
                true => Test::AnyAttribute,
                false => Test::Attribute(self.name().ok_or_else(|| self.failed())?),
            }
        } else if self.accept("*") || self.accept("child::*") {
            Test::Any
        } else {
            self.accept("child::");
            let name = self.name().ok_or_else(|| self.failed())?;
            match (&*name, self.accept("(")) {
                (_, false) => Test::Name(name),
                (kind @ ("text" | "comment" | "node"), true) => {
                    self.expect(")")?;
                    match kind {
                        "text" => Test::Text,
                        "comment" => Test::Comment,
                        _ => Test::Node,
                    }
                }
                _ => return Err(self.failed()),
            }
        };
        let mut predicates = Vec::new();
        while self.accept("[") {
            predicates.push(self.expression()?);
            self.expect("]")?;
        }
        Ok(Step {
            deep,
            test,
            predicates,
        })
    }

    fn expression(&mut self) -> Result<Expression, String> {
        if self.depth == DEPTH_MAX {
            return Err(self.failed());
        }
        self.depth += 1;
        let result = self.level(0);
        self.depth -= 1;
        result
    }

    /// `or` binds loosest, then `and`, then comparisons.
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        const OPERATORS: [&[&str]; 3] = [&["or "], &["and "], &["!=", "<=", ">=", "=", "<", ">"]];
        let Some(operators) = OPERATORS.get(level) else {
            return self.operand();
        };
        let mut left = self.level(level + 1)?;
        loop {
            let found = operators.iter().find(|operator| self.accept(operator));
            let Some(operator) = found else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            left = Expression::Binary(Box::new(left), operator.trim_end(), Box::new(right));
        }
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.skip();
        if self.accept("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for quote in ["'", "\""] {
            if self.accept(quote) {
                let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.failed())?;
                self.rest = rest;
                return Ok(Expression::Text(text.to_owned()));
            }
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            let number = number.parse().map_err(|_| self.failed())?;
            self.rest = rest;
            return Ok(Expression::Number(number));
        }
        let before = self.rest;
        if let Some(name) = self.name()
            && let Some((_, count)) = FUNCTIONS.iter().find(|(other, _)| *other == name)
            && self.accept("(")
        {
            let mut arguments = Vec::new();
            while !self.accept(")") {
                if !arguments.is_empty() {
                    self.expect(",")?;
                }
                arguments.push(self.expression()?);
            }
            return match count.contains(&arguments.len()) {
                true => Ok(Expression::Call(name, arguments)),
                false => Err(self.failed()),
            };
        }
        self.rest = before;
        Ok(Expression::Path(self.path()?))
    }
}
