//! The formatter: one canonical layout for a file, the same bytes as `alloy fmt` gives.
//!
//! ```text
//! tree -> words and wishes for blanks (here) -> blanks and comments (printer) -> columns (align)
//! ```
//!
//! Lines stay where the source broke them; what changes is indentation, spacing, blank lines, and
//! the columns of `=` and of trailing comments.
//!
//! Invariant: the result means what the source meant, and has its comments. Where Alloy breaks
//! that, this differs: raw strings keep their tabs and trailing blanks, keys keep their escapes,
//! and a file with a comment at a place from where `alloy fmt` moves it in front of other words
//! stays as it is.

mod align;
mod printer;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::parser::parse;
use crate::source::{LineIndex, Span};
use crate::token::TokenKind;
use crate::tree::{NONE, Node, NodeKind, Tree};
use printer::{Blank, Printer};

/// Formats a file, or says why it cannot be read. The spans of the diagnostics bear the file id 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parse = parse(0, text);
    if parse.has_errors() {
        return Err(parse.diagnostics);
    }
    let formatted = print(&parse.tree);
    let again = crate::parser::parse(0, formatted.as_str());
    match !again.has_errors() && same_words(&parse.tree, &again.tree) {
        true => Ok(formatted),
        false => Ok(text.to_string()),
    }
}

fn print(tree: &Tree) -> String {
    let lines = LineIndex::new(&tree.text);
    let mut walker = Walker {
        tree,
        lines: &lines,
        printer: Printer::new(tree, &lines),
    };
    walker.statements(tree.root);
    walker.printer.finish()
}

/// Whether two trees have the same words and the same comments, each in their order. Commas may
/// come and go at line ends, and empty labels go.
fn same_words(left: &Tree, right: &Tree) -> bool {
    words(left, false).eq(words(right, false)) && words(left, true).eq(words(right, true))
}

/// The words of a tree, or its comments. Nothing is copied but what has carriage returns in it.
fn words(tree: &Tree, comments: bool) -> impl Iterator<Item = Cow<'_, str>> {
    let wanted = move |kind: TokenKind, text: &str| match kind {
        TokenKind::Blank | TokenKind::Terminator | TokenKind::Comma => false,
        TokenKind::String if literal::unquoted(text).is_empty() => false,
        kind => kind.is_comment() == comments,
    };
    let words = tree
        .tokens()
        .filter(move |(kind, text)| wanted(*kind, text));
    words.map(|(_, text)| {
        let text = literal::unquoted(text);
        match text.contains('\r') {
            true => Cow::Owned(text.replace('\r', "")),
            false => Cow::Borrowed(text),
        }
    })
}

/// Goes over the tree in the order of the text and tells the printer what to write.
struct Walker<'t> {
    tree: &'t Tree,
    lines: &'t LineIndex,
    printer: Printer<'t>,
}

impl Walker<'_> {
    fn statements(&mut self, body: u32) {
        let statements = self.tree.children(self.tree.node(body));
        for (index, at) in statements.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).map(|index| statements[index]) {
                let block = self.tree.node(*at).kind == NodeKind::Block;
                if block || self.first_line(*at) > self.last_line(before) + 1 {
                    self.printer.blank(Blank::SectionEnd);
                }
            }
            match self.tree.node(*at).kind {
                NodeKind::Block => self.block(*at),
                _ => self.attribute(*at),
            }
            // Columns do not reach over a statement of several lines.
            self.printer.blank(match self.line_count(*at) {
                1 => Blank::Newline,
                _ => Blank::SectionEnd,
            });
        }
    }

    fn attribute(&mut self, at: u32) {
        let node = self.tree.node(at);
        self.token(node.token);
        self.assign(node.left);
    }

    fn assign(&mut self, value: u32) {
        self.printer.blank(Blank::Column);
        self.printer.symbol("=");
        self.printer.blank(Blank::Space);
        self.expression(value);
    }

    fn block(&mut self, at: u32) {
        let block = *self.tree.node(at);
        let names: Vec<&str> = (block.first..=block.token)
            .filter(|at| self.tree.token_kind(*at) == TokenKind::Ident)
            .map(|at| self.tree.token_text(at))
            .collect();
        self.printer
            .word(block.first, TokenKind::Ident, &names.join("."));
        if block.left != NONE {
            let label = self.tree.token_text(block.left);
            if !literal::unquoted(label).is_empty() {
                self.printer.blank(Blank::Space);
                self.token(block.left);
            }
        }
        self.printer.blank(Blank::Space);
        self.token(self.next_token(if block.left == NONE {
            block.token
        } else {
            block.left
        }));
        self.printer.blank(Blank::Indent);
        if self.tree.children(self.tree.node(block.right)).is_empty() {
            self.printer.blank(Blank::Space);
        } else {
            self.printer.blank(Blank::SectionEnd);
            self.statements(block.right);
        }
        self.printer.blank(Blank::Unindent);
        self.token(block.end - 1);
    }

    fn expression(&mut self, at: u32) {
        let node = *self.tree.node(at);
        match node.kind {
            NodeKind::Literal | NodeKind::Ident => self.token(node.token),
            NodeKind::Array => self.array(&node),
            NodeKind::Object => self.object(&node),
            NodeKind::Access => {
                self.expression(node.left);
                self.printer.symbol(".");
                self.printer
                    .follow(TokenKind::Ident, self.tree.token_text(node.token));
            }
            NodeKind::Index => {
                self.expression(node.left);
                self.token(self.next_token(self.tree.node(node.left).end - 1));
                self.expression(node.right);
                self.token(node.end - 1);
            }
            NodeKind::Call => self.call(&node),
            NodeKind::Unary => {
                self.token(node.token);
                self.expression(node.left);
            }
            NodeKind::Binary => {
                self.expression(node.left);
                self.printer.blank(Blank::Space);
                self.token(node.token);
                self.printer.blank(Blank::Space);
                self.expression(node.right);
            }
            NodeKind::Paren => {
                self.printer.symbol("(");
                self.expression(node.left);
                self.printer.symbol(")");
            }
            NodeKind::Body
            | NodeKind::Attribute
            | NodeKind::Block
            | NodeKind::Field
            | NodeKind::Missing => unreachable!("a file without errors has values here"),
        }
    }

    fn array(&mut self, node: &Node) {
        self.token(node.first);
        let elements = self.tree.children(node);
        let mut line = self.token_line(node.first);
        for (index, element) in elements.iter().enumerate() {
            let breaks = line != self.first_line(*element);
            if breaks {
                // Indented before the break, so that comments before it are indented as well.
                self.printer.blank(Blank::Indent);
                self.printer.blank(Blank::SectionEnd);
            } else if index > 0 {
                self.printer.blank(Blank::Space);
            }
            line = self.last_line(*element);
            self.expression(*element);
            if index + 1 < elements.len() {
                self.printer.symbol(",");
            }
            if breaks {
                self.printer.blank(Blank::Unindent);
            }
        }
        if !elements.is_empty() && line != self.token_line(node.end - 1) {
            self.printer.symbol(",");
            self.printer.blank(Blank::Indent);
            self.printer.blank(Blank::SectionEnd);
            self.printer.blank(Blank::Unindent);
        }
        self.token(node.end - 1);
    }

    fn object(&mut self, node: &Node) {
        self.token(node.first);
        self.printer.blank(Blank::Indent);
        let fields = self.tree.children(node);
        let mut line = self.token_line(node.first);
        let mut value_lines = 0;
        for (index, at) in fields.iter().enumerate() {
            let field = *self.tree.node(*at);
            if line != self.token_line(field.token) {
                self.printer.blank(match value_lines {
                    1 => Blank::Newline,
                    _ => Blank::SectionEnd,
                });
            } else if index > 0 {
                self.printer.blank(Blank::Space);
            }
            // Compat: the line of the key counts, not where the value ends.
            line = self.token_line(field.token);
            value_lines = self.line_count(field.left);
            self.key(field.token);
            self.assign(field.left);
            if index + 1 < fields.len() {
                self.printer.symbol(",");
            }
        }
        if !fields.is_empty() && line != self.token_line(node.end - 1) {
            self.printer.symbol(",");
            self.printer.blank(Blank::SectionEnd);
        }
        self.printer.blank(Blank::Unindent);
        self.token(node.end - 1);
    }

    /// A key in backticks gets double quotes, as long as nothing in it would need an escape.
    fn key(&mut self, token: u32) {
        let text = self.tree.token_text(token);
        let inner = literal::unquoted(text);
        let plain = |letter: char| !letter.is_control() && letter != '"' && letter != '\\';
        if text.starts_with('`') && !inner.is_empty() && inner.chars().all(plain) {
            self.printer
                .word(token, TokenKind::String, &format!("\"{inner}\""));
        } else {
            self.token(token);
        }
    }

    fn call(&mut self, node: &Node) {
        self.expression(node.token);
        self.printer.symbol("(");
        let arguments = self.tree.children(node);
        let open = self.next_token(self.tree.node(node.token).end - 1);
        let mut line = self.token_line(open);
        for (index, argument) in arguments.iter().enumerate() {
            let breaks = line != self.first_line(*argument);
            if breaks {
                self.printer.blank(Blank::SectionEnd);
                self.printer.blank(Blank::Indent);
            }
            self.expression(*argument);
            line = self.last_line(*argument);
            if index + 1 < arguments.len() {
                self.printer.symbol(",");
                self.printer.blank(Blank::Space);
            }
            if breaks {
                self.printer.blank(Blank::Unindent);
            }
        }
        if line != self.token_line(node.end - 1) {
            // Compat: `f(` and `)` on two lines without arguments would get a comma that cannot
            // be read back; only the line break stays.
            if !arguments.is_empty() {
                self.printer.symbol(",");
            }
            self.printer.blank(Blank::SectionEnd);
        }
        self.printer.symbol(")");
    }

    fn token(&mut self, at: u32) {
        self.printer
            .word(at, self.tree.token_kind(at), self.tree.token_text(at));
    }

    fn next_token(&self, at: u32) -> u32 {
        let mut next = at + 1;
        while self.tree.token_kind(next).is_trivia() {
            next += 1;
        }
        next
    }

    fn line_count(&self, node: u32) -> u32 {
        self.last_line(node) - self.first_line(node) + 1
    }

    fn first_line(&self, node: u32) -> u32 {
        self.token_line(self.tree.node(node).first)
    }

    fn last_line(&self, node: u32) -> u32 {
        last_line(self.lines, self.tree.node_span(node))
    }

    fn token_line(&self, token: u32) -> u32 {
        self.lines.position(self.tree.token_span(token).start).line
    }
}

/// The line of the last byte of a span that is not empty.
fn last_line(lines: &LineIndex, span: Span) -> u32 {
    lines.position(span.end - 1).line
}
