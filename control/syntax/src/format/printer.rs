//! Words and wishes for blanks in, a layout out, with the comments put back where they stood.
//!
//! Blanks are held back until the next word shows what they are for: a comment in between takes
//! them over. Where a comment belongs is decided by comparing places in the source. Compat: of
//! words that are not given with a token (commas, dots, `=`, parentheses) the place is reckoned
//! from what was written last, blanks included, which moves some comments behind them; Alloy does
//! the same (case `comments_move_behind_commas`).

use super::align::Layout;
use super::last_line;
use crate::source::LineIndex;
use crate::token::TokenKind;
use crate::tree::Tree;

/// What is wished for between two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blank {
    Space,
    /// The end of a cell; what follows is aligned with the lines around.
    Column,
    Newline,
    /// A newline over which no column reaches.
    SectionEnd,
    Indent,
    Unindent,
    /// A comment has already written what was wished for.
    TakenOver,
}

impl Blank {
    fn is_indent(self) -> bool {
        matches!(self, Blank::Indent | Blank::Unindent)
    }
}

/// A comment as it is written, and where it stood.
struct Comment {
    text: String,
    block: bool,
    start: u32,
    line: u32,
    last_line: u32,
    /// It stands right after the comment before it; then it moves along with that one.
    joins: bool,
}

/// A place in the source: known for words with a token, else reckoned.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    line: u32,
}

pub(super) struct Printer<'t> {
    tree: &'t Tree,
    lines: &'t LineIndex,
    layout: Layout,
    indent: usize,
    held: Vec<Blank>,
    comments: std::iter::Peekable<std::vec::IntoIter<Comment>>,
    place: Place,
    /// The line where the last word or comment ended; 0 before the first.
    last_line: u32,
    last_kind: TokenKind,
}

/// Runs of blank lines become one.
const NEWLINES_MAX: u32 = 2;

impl<'t> Printer<'t> {
    pub(super) fn new(tree: &'t Tree, lines: &'t LineIndex) -> Printer<'t> {
        Printer {
            tree,
            lines,
            layout: Layout::default(),
            indent: 0,
            held: Vec::new(),
            comments: comments(tree, lines).into_iter().peekable(),
            place: Place { offset: 0, line: 1 },
            last_line: 0,
            last_kind: TokenKind::Blank,
        }
    }

    pub(super) fn blank(&mut self, blank: Blank) {
        self.held.push(blank);
        self.last_kind = TokenKind::Blank;
    }

    /// A word that stands in the source at this token.
    pub(super) fn word(&mut self, token: u32, kind: TokenKind, text: &str) {
        let offset = self.tree.token_span(token).start;
        self.place = Place {
            offset,
            line: self.lines.position(offset).line,
        };
        self.follow(kind, text);
    }

    /// A word right after what was written last.
    pub(super) fn follow(&mut self, kind: TokenKind, text: &str) {
        self.last_kind = kind;
        let place = self.place;
        match self.comment_before(place.offset) {
            true => self.write_comments(place),
            false => self.write_held(self.held.len()),
        }
        self.write(place, text, |layout| match text.starts_with('`') {
            true => layout.raw(text),
            false => layout.text(text),
        });
    }

    /// A symbol right after what was written last.
    pub(super) fn symbol(&mut self, text: &str) {
        if self.last_kind == TokenKind::Number && text == "." {
            // Together they would read as a float.
            self.held.push(Blank::Space);
        }
        self.follow(TokenKind::Blank, text);
    }

    /// Writes the comments at the end of the file; every file ends with one newline.
    pub(super) fn finish(mut self) -> String {
        while let Some(comment) = self.comments.next() {
            self.separate(None, &comment);
            self.write_comment(&comment);
        }
        self.layout.newline();
        self.layout.finish()
    }

    fn comment_before(&mut self, offset: u32) -> bool {
        self.comments
            .peek()
            .is_some_and(|comment| comment.start <= offset)
    }

    /// Writes the comments that stand before `next`, and what separates them from it.
    fn write_comments(&mut self, next: Place) {
        let mut last = None;
        while let Some(comment) = self
            .comments
            .next_if(|comment| comment.start <= next.offset || comment.joins)
        {
            self.separate(Some(next), &comment);
            self.write_comment(&comment);
            last = Some(comment);
        }
        let last = last.expect("called when a comment stands before the next word");
        if last.block && next.line == last.last_line {
            self.write_blank(Blank::Space, 1);
        }
        let newlines = next.line.saturating_sub(self.last_line);
        let ended = self.held.contains(&Blank::SectionEnd);
        self.held.retain(|blank| blank.is_indent());
        self.write_held(self.held.len());
        let blank = if ended {
            Blank::SectionEnd
        } else {
            Blank::Newline
        };
        self.write_blank(blank, newlines.min(NEWLINES_MAX));
    }

    /// Writes what stands between the last word and a comment.
    fn separate(&mut self, next: Option<Place>, comment: &Comment) {
        if self.layout.is_empty() {
            return;
        }
        if comment.line == self.last_line {
            let inside = next.is_some_and(|next| next.line == comment.line);
            let tab = if inside { Blank::Space } else { Blank::Column };
            self.write_separator(tab);
            return;
        }
        // The comment takes over the first newline; it gets the indentation wished for before it.
        let held = self.held.iter().position(|blank| !blank.is_indent());
        self.write_held(held.unwrap_or(0));
        if held.is_some() {
            self.held[0] = Blank::TakenOver;
        }
        let newlines = comment.line.saturating_sub(self.last_line);
        if self.last_line > 0 {
            self.write_blank(Blank::SectionEnd, newlines.min(NEWLINES_MAX));
        }
    }

    fn write_comment(&mut self, comment: &Comment) {
        let place = Place {
            offset: comment.start,
            line: comment.line,
        };
        self.write(place, &comment.text, |layout| layout.comment(&comment.text));
    }

    fn write(&mut self, place: Place, text: &str, put: impl FnOnce(&mut Layout)) {
        self.write_indent();
        put(&mut self.layout);
        let newlines = text.bytes().filter(|byte| *byte == b'\n').count() as u32;
        self.place = Place {
            offset: place.offset + text.len() as u32,
            line: place.line + newlines,
        };
        self.last_line = self.place.line;
    }

    fn write_held(&mut self, count: usize) {
        // By turns, so that the allocation stays: this runs for every word.
        for at in 0..count {
            let blank = self.held[at];
            match blank {
                Blank::Indent => self.indent += 1,
                Blank::Unindent => self.indent -= 1,
                Blank::TakenOver => {}
                blank => self.write_blank(blank, 1),
            }
        }
        self.held.drain(..count);
    }

    fn write_blank(&mut self, blank: Blank, count: u32) {
        if count == 0 {
            return;
        }
        self.write_indent();
        self.place.offset += count;
        for _ in 0..count {
            match blank {
                Blank::Space => self.layout.text(" "),
                Blank::Column => self.layout.cell_end(),
                Blank::Newline => self.layout.newline(),
                Blank::SectionEnd => self.layout.section_end(),
                Blank::Indent | Blank::Unindent | Blank::TakenOver => {}
            }
        }
        if matches!(blank, Blank::Newline | Blank::SectionEnd) {
            self.place.line += count;
        }
    }

    fn write_separator(&mut self, blank: Blank) {
        self.write_indent();
        self.place.offset += 1;
        match blank {
            Blank::Column => self.layout.comment_cell_end(),
            _ => self.layout.text(" "),
        }
    }

    fn write_indent(&mut self) {
        if self.layout.at_line_start() {
            self.layout.indent(self.indent);
            self.place.offset += self.indent as u32;
        }
    }
}

/// Every comment of the file, without carriage returns.
fn comments(tree: &Tree, lines: &LineIndex) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let mut after_comment = false;
    for at in 0..tree.tokens.len() as u32 {
        let kind = tree.token_kind(at);
        if !kind.is_comment() {
            after_comment &= kind == TokenKind::Blank;
            continue;
        }
        let span = tree.token_span(at);
        let line = lines.position(span.start).line;
        let near = comments
            .last()
            .is_some_and(|before| line <= before.last_line + 1);
        comments.push(Comment {
            text: without_carriage_returns(tree.token_text(at)),
            block: kind == TokenKind::BlockComment,
            start: span.start,
            line,
            last_line: last_line(lines, span),
            joins: after_comment && near,
        });
        after_comment = true;
    }
    comments
}

/// Compat: a carriage return that keeps a `*` from a `/` stays, or the comment would end there.
fn without_carriage_returns(text: &str) -> String {
    if !text.contains('\r') {
        return text.to_string();
    }
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let guards = kept.len() > 2 && kept.ends_with('*') && letters.peek() == Some(&'/');
        if letter != '\r' || guards {
            kept.push(letter);
        }
    }
    kept
}
