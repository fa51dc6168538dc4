//! Whole configurations: declares, arguments, exports, `foreach` and imports that nothing is known
//! of, built and checked. Half of the inputs are texts, the other half are made by a grammar, so
//! that most of those get past the parser.

use plan::{Catalogue, ConfigSource, validate};

pub fn check(bytes: &[u8]) {
    let text = match bytes.split_first() {
        Some((0, choices)) => grown(choices),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        },
    };
    let source = ConfigSource::Texts(vec![("c.alloy".to_owned(), text)]);
    let catalogue = Catalogue::default();
    let level = schema::Stability::Experimental;
    let first = validate(&source, &catalogue, level);
    let shown = syntax::render_all(&first.diagnostics, &first.sources);
    assert_eq!(shown.is_empty(), first.diagnostics.is_empty());
    let again = validate(&source, &catalogue, level);
    assert_eq!(
        first.diagnostics, again.diagnostics,
        "the same text, the same mistakes"
    );
}

/// A configuration of these choices.
fn grown(choices: &[u8]) -> String {
    let mut grammar = Grammar { choices };
    let mut text = String::new();
    grammar.body(&mut text, 0);
    text
}

struct Grammar<'a> {
    choices: &'a [u8],
}

const NAMES: [&str; 6] = ["a", "b", "c", "argument", "each", "lib"];

impl Grammar<'_> {
    fn choice(&mut self, of: u8) -> u8 {
        let Some((first, rest)) = self.choices.split_first() else {
            return 0;
        };
        self.choices = rest;
        first % of
    }

    fn name(&mut self) -> &'static str {
        NAMES[usize::from(self.choice(NAMES.len() as u8))]
    }

    fn body(&mut self, text: &mut String, depth: usize) {
        while !self.choices.is_empty() && self.choice(8) != 0 {
            self.statement(text, depth);
        }
    }

    fn statement(&mut self, text: &mut String, depth: usize) {
        let (kind, name) = (self.choice(9), self.name());
        let head = match kind {
            0 => format!("declare \"{name}\""),
            1 => format!("{} \"{name}\"", self.name()),
            2 => format!("lib.{} \"{name}\"", self.name()),
            3 => format!("foreach \"{name}\""),
            4 => "template".to_owned(),
            5 => format!("import.string \"{name}\""),
            6 => format!("argument \"{name}\""),
            7 => format!("export \"{name}\""),
            _ => {
                text.push_str(&format!("{name} = "));
                self.value(text, 0);
                text.push('\n');
                return;
            }
        };
        text.push_str(&head);
        text.push_str(" {\n");
        if depth < 40 {
            self.body(text, depth + 1);
        }
        text.push_str("}\n");
    }

    fn value(&mut self, text: &mut String, depth: usize) {
        let kind = if depth < 8 { self.choice(9) } else { 0 };
        match kind {
            0 => text.push('1'),
            1 => text.push_str("\"x\""),
            2 => text.push_str(&format!("argument.{}.value", self.name())),
            3 => text.push_str(&format!("{}.{}.{}", self.name(), self.name(), self.name())),
            4 => text.push_str("module_path"),
            5 => {
                text.push('[');
                self.value(text, depth + 1);
                text.push_str(", ");
                self.value(text, depth + 1);
                text.push(']');
            }
            6 => {
                text.push_str("{ x = ");
                self.value(text, depth + 1);
                text.push_str(" }");
            }
            7 => {
                text.push_str("string.to_upper(");
                self.value(text, depth + 1);
                text.push(')');
            }
            _ => {
                self.value(text, depth + 1);
                text.push_str(" + ");
                self.value(text, depth + 1);
            }
        }
    }
}
