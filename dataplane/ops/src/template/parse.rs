//! From a template's text to a tree.

use super::functions::Function;
use super::value::Val;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If {
        pipe: Pipe,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    With {
        pipe: Pipe,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        pipe: Pipe,
        each: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Template {
        name: String,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

/// `$x := a | b c`.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub variables: Vec<String>,
    /// Whether the variables are new.
    pub declares: bool,
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(super) struct Command {
    pub operands: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Dot,
    Nil,
    Value(Val),
    /// `.a.b`.
    Field(Vec<String>),
    /// `$x.a`.
    Variable(String, Vec<String>),
    Function(&'static str, Function),
    /// `(pipe).a`.
    Inner(Box<Pipe>, Vec<String>),
}

/// The templates of a text: its own, and those that it defines.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub root: Vec<Node>,
    pub defined: Vec<(String, Vec<Node>)>,
}

/// Limit: blocks and parentheses inside each other, so that parsing cannot exhaust the stack.
const DEPTH_MAX: usize = 64;

pub(super) fn parse(text: &str) -> Result<Tree, String> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        variables: vec!["$".to_owned()],
        defined: Vec::new(),
        loops: 0,
        trim_next: false,
    };
    let (root, end) = parser.list()?;
    if end != Stop::Text {
        return Err(parser.error(&format!("unexpected {{{{{}}}}}", end.name())));
    }
    let tree = Tree {
        root,
        defined: parser.defined,
    };
    Ok(tree)
}

/// What a list of nodes ended at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Text,
    End,
    Else,
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Stop::Text => "end of the text",
            Stop::End => "end",
            Stop::Else => "else",
        }
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    pub(super) at: usize,
    depth: usize,
    pub(super) variables: Vec<String>,
    defined: Vec<(String, Vec<Node>)>,
    /// Ranges around this place.
    loops: usize,
    /// The last action ended in `-}}`.
    trim_next: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn error(&self, message: &str) -> String {
        let line = self.text[..self.at].matches('\n').count() + 1;
        format!("template: line {line}: {message}")
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("blocks are nested too deep"));
        }
        Ok(())
    }

    /// Nodes up to an `end`, an `else` (whose word is read, its action is not) or the text's end.
    fn list(&mut self) -> Result<(Vec<Node>, Stop), String> {
        self.enter()?;
        let mut nodes = Vec::new();
        loop {
            let open = self.rest().find("{{");
            let mut literal = &self.rest()[..open.unwrap_or(self.rest().len())];
            self.at += literal.len();
            if self.trim_next {
                literal = literal.trim_start_matches(BLANK);
                self.trim_next = false;
            }
            if open.is_some() {
                self.at += 2;
                let trims = self.rest().starts_with('-') && self.rest()[1..].starts_with(BLANK);
                if trims {
                    self.at += 1;
                    literal = literal.trim_end_matches(BLANK);
                }
            }
            if !literal.is_empty() {
                nodes.push(Node::Text(literal.to_owned()));
            }
            if open.is_none() {
                self.depth -= 1;
                return Ok((nodes, Stop::Text));
            }
            if let Some(end) = self.action(&mut nodes)? {
                self.depth -= 1;
                return Ok((nodes, end));
            }
        }
    }

    /// An action, behind its braces.
    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<Stop>, String> {
        self.blank();
        if let Some(comment) = self.rest().strip_prefix("/*") {
            let end = comment.find("*/");
            let end = end.ok_or_else(|| self.error("unclosed comment"))?;
            self.at += end + 4;
            self.close()?;
            return Ok(None);
        }
        let word = self.word();
        let before = self.at;
        self.at += word.len();
        match word {
            "if" | "with" | "range" => nodes.push(self.block(word)?),
            "end" => {
                self.close()?;
                return Ok(Some(Stop::End));
            }
            "else" => return Ok(Some(Stop::Else)),
            "define" => self.define()?,
            "template" => {
                let name = self.name()?;
                self.blank();
                let pipe = if self.at_close() {
                    None
                } else {
                    Some(self.pipe(true)?)
                };
                self.close()?;
                nodes.push(Node::Template { name, pipe });
            }
            "block" => {
                let name = self.name()?;
                let pipe = self.pipe(true)?;
                self.close()?;
                let body = self.body()?;
                self.defined.push((name.clone(), body));
                let pipe = Some(pipe);
                nodes.push(Node::Template { name, pipe });
            }
            "break" | "continue" if self.loops > 0 => {
                self.close()?;
                nodes.push(if word == "break" {
                    Node::Break
                } else {
                    Node::Continue
                });
            }
            "break" | "continue" => {
                return Err(self.error(&format!("{{{{{word}}}}} outside {{{{range}}}}")));
            }
            _ => {
                self.at = before;
                let pipe = self.pipe(true)?;
                self.close()?;
                nodes.push(Node::Action(pipe));
            }
        }
        Ok(None)
    }

    fn block(&mut self, word: &str) -> Result<Node, String> {
        self.enter()?;
        let known = self.variables.len();
        let pipe = self.pipe(word != "range")?;
        self.close()?;
        let inside = usize::from(word == "range");
        self.loops += inside;
        let body = self.list();
        self.loops -= inside;
        let (then, end) = body?;
        let otherwise = match end {
            Stop::Text => return Err(self.error(&format!("unclosed {word}"))),
            Stop::End => Vec::new(),
            Stop::Else => {
                self.blank();
                // `else if` is an if inside the else, which shares its end.
                let chained = self.word();
                match chained {
                    "if" | "with" if chained == word => {
                        self.at += chained.len();
                        vec![self.block(word)?]
                    }
                    "" => {
                        self.close()?;
                        self.body()?
                    }
                    _ => return Err(self.error(&format!("unexpected {chained:?} in else"))),
                }
            }
        };
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(match word {
            "if" => Node::If {
                pipe,
                then,
                otherwise,
            },
            "with" => Node::With {
                pipe,
                then,
                otherwise,
            },
            _ => Node::Range {
                pipe,
                each: then,
                otherwise,
            },
        })
    }

    /// Nodes up to an `end`.
    fn body(&mut self) -> Result<Vec<Node>, String> {
        let known = self.variables.len();
        let (nodes, end) = self.list()?;
        self.variables.truncate(known);
        match end {
            Stop::End => Ok(nodes),
            other => Err(self.error(&format!("unexpected {}", other.name()))),
        }
    }

    fn define(&mut self) -> Result<(), String> {
        let name = self.name()?;
        self.close()?;
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let body = self.body()?;
        self.variables = outer;
        self.loops = loops;
        self.defined.push((name, body));
        Ok(())
    }

    /// The quoted name of a template.
    fn name(&mut self) -> Result<String, String> {
        self.blank();
        match self.quoted()? {
            Some(name) => Ok(name),
            None => Err(self.error("the name of a template has to be a text")),
        }
    }

    /// `strict`: a range only may declare two variables.
    pub(super) fn pipe(&mut self, strict: bool) -> Result<Pipe, String> {
        self.enter()?;
        self.blank();
        let (variables, declares) = self.declaration(strict)?;
        let mut commands = Vec::new();
        loop {
            commands.push(self.command()?);
            self.blank();
            if !self.rest().starts_with('|') {
                break;
            }
            self.at += 1;
        }
        for command in &commands[1..] {
            if let Operand::Value(_) | Operand::Dot | Operand::Nil = command.operands[0] {
                return Err(self.error("a value cannot take the output of a pipeline"));
            }
        }
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        self.depth -= 1;
        Ok(Pipe {
            variables,
            declares,
            commands,
        })
    }

    fn declaration(&mut self, strict: bool) -> Result<(Vec<String>, bool), String> {
        let start = self.at;
        let mut variables = Vec::new();
        while let Some(name) = self.variable() {
            variables.push(name);
            self.blank();
            if self.rest().starts_with(":=") || self.rest().starts_with('=') {
                let declares = self.rest().starts_with(':');
                self.at += if declares { 2 } else { 1 };
                if let (false, Some(unknown)) = (declares, self.unknown(&variables)) {
                    return Err(self.error(&format!("undefined variable {unknown:?}")));
                }
                return Ok((variables, declares));
            }
            let more = self.rest().starts_with(',') && !strict && variables.len() == 1;
            if !more {
                break;
            }
            self.at += 1;
            self.blank();
        }
        self.at = start;
        Ok((Vec::new(), false))
    }

    fn unknown<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        names.iter().find(|name| !self.variables.contains(name))
    }

    pub(super) fn variable(&mut self) -> Option<String> {
        let rest = self.rest().strip_prefix('$')?;
        let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let name = &self.rest()[..end + 1];
        self.at += name.len();
        Some(name.to_owned())
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut operands = Vec::new();
        loop {
            self.blank();
            if self.at_close() || self.rest().starts_with(['|', ')']) {
                break;
            }
            if self.rest().is_empty() {
                return Err(self.error("unclosed action"));
            }
            let operand = self.operand()?;
            operands.push(operand);
            let separated = self.at_close() || self.rest().starts_with(['|', ')']);
            if !separated && !self.rest().starts_with(BLANK) {
                return Err(self.error("unexpected text behind an operand"));
            }
        }
        match operands.as_slice() {
            [] => Err(self.error("missing value for command")),
            [Operand::Nil] => Err(self.error("nil is not a command")),
            [Operand::Value(_) | Operand::Nil, _, ..] => {
                Err(self.error("can't give argument to non-function"))
            }
            _ => Ok(Command { operands }),
        }
    }

    pub(super) fn blank(&mut self) {
        // The blank before `-}}` belongs to it.
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(BLANK).len();
    }

    pub(super) fn word(&self) -> &'a str {
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        &rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())]
    }

    pub(super) fn at_close(&self) -> bool {
        self.rest().starts_with("}}") || self.trims()
    }

    fn trims(&self) -> bool {
        self.rest().starts_with("-}}") && self.text[..self.at].ends_with(BLANK)
    }

    fn close(&mut self) -> Result<(), String> {
        self.blank();
        self.trim_next = self.trims();
        if !self.at_close() {
            let message = match self.rest().is_empty() {
                true => "unclosed action",
                false => "unexpected text in an action",
            };
            return Err(self.error(message));
        }
        self.at += if self.trim_next { 3 } else { 2 };
        Ok(())
    }
}

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

pub(super) fn in_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
