//! XPath, as far as documents are selected from in practice: paths of children, descendants and
//! attributes with predicates, comparisons, `and`, `or`, and the usual functions.

use super::document::{DOCUMENT, Document, Id, Kind, local};

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
    pub paths: Vec<Path>,
}

#[derive(Debug, Clone)]
pub(super) struct Path {
    pub absolute: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Whether all below count, not only the children.
    pub deep: bool,
    pub test: Test,
    pub predicates: Vec<Expression>,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
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
pub(super) enum Expression {
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
