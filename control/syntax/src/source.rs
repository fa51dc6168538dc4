//! Files by id, and offsets turned into what people read: `file:line:column`.

use std::sync::Arc;

/// A range of bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub const fn new(file: u32, start: u32, end: u32) -> Span {
        Span { file, start, end }
    }

    /// From the start of this span to the end of `last`, which is of the same file.
    pub fn to(self, last: Span) -> Span {
        Span {
            file: self.file,
            start: self.start,
            end: last.end,
        }
    }

    /// The empty span where this one starts.
    pub fn head(self) -> Span {
        Span {
            end: self.start,
            ..self
        }
    }
}

/// A place in a file, counted from 1.
///
/// Compat: columns count bytes, as Alloy's do; a tab is one column (test
/// `columns_count_bytes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// Where the lines of a text start.
#[derive(Clone, Debug)]
pub(crate) struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    pub(crate) fn new(text: &str) -> LineIndex {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at as u32 + 1))
            .collect();
        LineIndex { starts }
    }

    pub(crate) fn position(&self, offset: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        Position {
            line: line as u32,
            column: offset - self.starts[line - 1] + 1,
        }
    }
}

/// One file: its name as users typed it, its text, where its lines start.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: Arc<str>,
    lines: LineIndex,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Source {
        let text = text.into();
        let lines = LineIndex::new(&text);
        Source {
            name: name.into(),
            text,
            lines,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Where the byte at `offset` stands; an offset past the end counts as the end.
    pub fn position(&self, offset: u32) -> Position {
        self.lines.position(offset.min(self.text.len() as u32))
    }

    pub fn line_count(&self) -> u32 {
        self.lines.starts.len() as u32
    }

    /// The text of a line without its line end; empty for a line that is not there.
    pub fn line(&self, line: u32) -> &str {
        let starts = &self.lines.starts;
        let Some(start) = (line as usize).checked_sub(1).and_then(|at| starts.get(at)) else {
            return "";
        };
        let end = starts
            .get(line as usize)
            .copied()
            .unwrap_or(self.text.len() as u32);
        self.text[*start as usize..end as usize].trim_end_matches(['\n', '\r'])
    }
}

/// The files of one configuration; a file's id is the order in which it was added.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a file and gives the id that its spans bear.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> u32 {
        self.sources.push(Source::new(name, text));
        self.sources.len() as u32 - 1
    }

    /// Puts another text in the place of a file.
    pub fn replace(&mut self, file: u32, name: impl Into<String>, text: impl Into<Arc<str>>) {
        if let Some(source) = self.sources.get_mut(file as usize) {
            *source = Source::new(name, text);
        }
    }

    pub fn get(&self, file: u32) -> Option<&Source> {
        self.sources.get(file as usize)
    }

    pub fn name(&self, file: u32) -> Option<&str> {
        self.get(file).map(Source::name)
    }

    pub fn text(&self, file: u32) -> Option<&Arc<str>> {
        self.get(file).map(Source::text)
    }

    /// Where a span starts.
    pub fn position(&self, span: Span) -> Option<Position> {
        self.get(span.file)
            .map(|source| source.position(span.start))
    }

    /// `name:line:column` of where a span starts.
    pub fn location(&self, span: Span) -> Option<String> {
        let source = self.get(span.file)?;
        let at = source.position(span.start);
        Some(format!("{}:{}:{}", source.name(), at.line, at.column))
    }
}
