//! Columns: lines of cells in, text with aligned cells out.
//!
//! Elastic tab stops: a column is a run of neighbouring lines that have a cell at the same index
//! under the same columns to its left; all its cells get the width of the widest plus one space. A
//! line's last text is no cell, so that it widens nothing. Sections end columns by force.

/// The text so far.
#[derive(Debug)]
pub(super) struct Layout {
    out: String,
    /// The section under way; the last one is the line under way.
    lines: Vec<Line>,
    /// Nothing was written yet, blanks included.
    empty: bool,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            out: String::new(),
            lines: vec![Line::default()],
            empty: true,
        }
    }
}

#[derive(Debug, Default)]
struct Line {
    cells: Vec<Cell>,
    /// After the last cell.
    rest: String,
    /// How much of `rest` keeps its trailing blanks: it is part of a comment or string.
    kept: usize,
    started: bool,
}

#[derive(Debug)]
struct Cell {
    text: String,
    /// In characters.
    width: usize,
    /// Takes space even where the whole column is empty: indentation, and what stands before
    /// trailing comments.
    firm: bool,
}

impl Layout {
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Nothing was written to the line under way, not even indentation.
    pub(super) fn at_line_start(&self) -> bool {
        !self.lines[self.lines.len() - 1].started
    }

    pub(super) fn indent(&mut self, depth: usize) {
        for _ in 0..depth {
            self.end_cell(true);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.line().rest.push_str(text);
    }

    /// A comment: it may have newlines, which do not break the line for the columns.
    pub(super) fn comment(&mut self, text: &str) {
        let line = self.line();
        line.rest.push_str(text);
        line.kept = line.rest.len();
    }

    /// A raw string: each of its lines is kept as it is. They are not indented, so that no column
    /// may reach from them to the lines around; Alloy lets a long one push those to the right.
    pub(super) fn raw(&mut self, text: &str) {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.section_end();
            }
            let line = self.line();
            line.rest.push_str(part);
            line.kept = line.rest.len();
        }
    }

    pub(super) fn cell_end(&mut self) {
        self.end_cell(false);
    }

    pub(super) fn comment_cell_end(&mut self) {
        self.end_cell(true);
    }

    pub(super) fn newline(&mut self) {
        self.empty = false;
        self.lines.push(Line::default());
    }

    pub(super) fn section_end(&mut self) {
        self.newline();
        let under_way = self.lines.pop().expect("a line was just pushed");
        let mut widths = Vec::new();
        write_columns(&self.lines, &mut widths, &mut self.out);
        self.lines.clear();
        self.lines.push(under_way);
    }

    pub(super) fn finish(mut self) -> String {
        let under_way = self.lines.pop();
        write_columns(&self.lines, &mut Vec::new(), &mut self.out);
        debug_assert!(
            under_way.is_some_and(|line| !line.started),
            "a file ends with a newline"
        );
        self.out
    }

    fn end_cell(&mut self, firm: bool) {
        let line = self.line();
        let text = std::mem::take(&mut line.rest);
        line.kept = 0;
        let width = text.chars().count();
        line.cells.push(Cell { text, width, firm });
    }

    fn line(&mut self) -> &mut Line {
        self.empty = false;
        let line = self
            .lines
            .last_mut()
            .expect("there is always a line under way");
        line.started = true;
        line
    }
}

/// Writes lines whose first columns are settled by `widths`, settling further ones.
fn write_columns(lines: &[Line], widths: &mut Vec<usize>, out: &mut String) {
    let column = widths.len();
    let mut rest = lines;
    while !rest.is_empty() {
        let without = rest
            .iter()
            .take_while(|line| line.cells.len() <= column)
            .count();
        for line in &rest[..without] {
            write_line(line, widths, out);
        }
        rest = &rest[without..];
        let run = rest
            .iter()
            .take_while(|line| column < line.cells.len())
            .count();
        if run > 0 {
            widths.push(column_width(&rest[..run], column));
            write_columns(&rest[..run], widths, out);
            widths.pop();
            rest = &rest[run..];
        }
    }
}

fn column_width(lines: &[Line], column: usize) -> usize {
    let cells = || lines.iter().map(|line| &line.cells[column]);
    match cells().any(|cell| cell.width > 0 || cell.firm) {
        true => cells().map(|cell| cell.width + 1).max().unwrap_or(0),
        false => 0,
    }
}

fn write_line(line: &Line, widths: &[usize], out: &mut String) {
    const TAB_WIDTH: usize = 8;
    let start = out.len();
    let mut leading = true;
    for (cell, width) in line.cells.iter().zip(widths) {
        leading &= cell.text.is_empty();
        if leading {
            // Indentation: every column is as many tabs as cover it.
            out.extend(std::iter::repeat_n('\t', width.div_ceil(TAB_WIDTH)));
            continue;
        }
        out.push_str(&cell.text);
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width)));
    }
    let kept = if line.kept == 0 {
        start
    } else {
        out.len() + line.kept
    };
    out.push_str(&line.rest);
    let trimmed = out[kept..].trim_end_matches([' ', '\t']).len();
    out.truncate(kept + trimmed);
    out.push('\n');
}
