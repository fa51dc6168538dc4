//! Diagnostics as people and programs read them.
//!
//! ```text
//! Error: config.alloy:2:2: unknown attribute "colour"
//!
//! 1 | local.file "a" {
//! 2 |     colour = 1
//!   |     ^^^^^^
//! 3 | }
//!   = in local.file.a
//!   = did you mean "filename"?
//! ```
//!
//! The first line is Alloy's to the letter, since scripts cut it; every other line starts with a
//! blank or a digit. Text from files is shown without control characters, which a terminal obeys,
//! and without what looks like a secret, since diagnostics end up in logs and answers.

use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Severity};
use crate::mask::masked;
use crate::source::{Source, SourceMap, Span};

/// Limit: characters of a line in an excerpt. Longer lines are cut around what is blamed.
const EXCERPT_LETTERS_MAX: usize = 160;

/// As Alloy shows them, so that carets stand under what they mean whatever the terminal does.
const TAB: &str = "    ";

/// Every diagnostic, a blank line between two.
pub fn render_all(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let rendered: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| render(diagnostic, sources))
        .collect();
    rendered.join("\n")
}

/// One diagnostic, of several lines.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let mut out = String::new();
    let place = diagnostic.span.and_then(|span| sources.location(span));
    let message = visible(&diagnostic.message);
    let place = place.map_or(String::new(), |place| format!("{place}: "));
    line(
        &mut out,
        &match diagnostic.severity {
            Severity::Error => format!("Error: {place}{message}"),
            Severity::Warning => format!("Warning: {place}{message}"),
            // Compat: not in the form of Alloy's warnings, since scripts compare those.
            Severity::Advice => format!("Advice: {place}{message}"),
        },
    );
    let mut margin = 0;
    if let Some(span) = diagnostic.span
        && let Some(source) = sources.get(span.file)
    {
        margin = excerpt(&mut out, source, span);
    }
    notes(&mut out, diagnostic, sources, margin);
    out
}

/// What is known beside the place, a line each.
fn notes(out: &mut String, diagnostic: &Diagnostic, sources: &SourceMap, margin: usize) {
    let mut note = |text: String| line(out, &format!("{:margin$} = {}", "", visible(&text)));
    if let Some(path) = &diagnostic.path {
        note(format!("in {path}"));
    }
    if let Some(found) = &diagnostic.found {
        note(format!("found {found}"));
    }
    if let Some(expected) = &diagnostic.expected {
        note(format!("expected {expected}"));
    }
    if let Some(nearest) = &diagnostic.nearest {
        note(format!("did you mean \"{nearest}\"?"));
    }
    if let Some(hint) = &diagnostic.hint {
        note(hint.clone());
    }
    for related in &diagnostic.related {
        let place = sources.location(related.span).unwrap_or_default();
        note(format!("{} at {place}", related.message));
    }
}

/// The line that the span starts on with carets under it, and one line around it; gives the width
/// of the line numbers.
fn excerpt(out: &mut String, source: &Source, span: Span) -> usize {
    let at = source.position(span.start);
    let last = (at.line + 1).min(source.line_count());
    let margin = last.to_string().len();
    out.push('\n');
    for number in at.line.saturating_sub(1).max(1)..=last {
        let text = source.line(number);
        // A last line without text is only the end of the file.
        if number > at.line && number == source.line_count() && text.is_empty() {
            continue;
        }
        if number != at.line {
            let shown: String = masked(text).chars().take(EXCERPT_LETTERS_MAX).collect();
            line(out, &format!("{number:margin$} | {}", visible(&shown)));
            continue;
        }
        let text = &*masked(text);
        let start = (at.column as usize - 1).min(text.len());
        let end = start + (span.end - span.start) as usize;
        let (before, blamed, after) = cut(text, start, end.min(text.len()));
        let (before, blamed) = (visible(before), visible(blamed));
        line(
            out,
            &format!("{number:margin$} | {before}{blamed}{}", visible(after)),
        );
        let blanks = " ".repeat(before.chars().count());
        let carets = "^".repeat(blamed.chars().count().max(1));
        line(out, &format!("{:margin$} | {blanks}{carets}", ""));
    }
    margin
}

/// Cuts a line into what stands before, in and after a range of its bytes, and shortens a long
/// one.
fn cut(text: &str, start: usize, end: usize) -> (&str, &str, &str) {
    let start = text.floor_char_boundary(start);
    let end = text.ceil_char_boundary(end);
    let (before, rest) = text.split_at(start);
    let (blamed, after) = rest.split_at(end - start);
    let third = EXCERPT_LETTERS_MAX / 3;
    let skip = before.chars().count().saturating_sub(third);
    let from = before
        .char_indices()
        .nth(skip)
        .map_or(before.len(), |(at, _)| at);
    (
        &before[from..],
        first_letters(blamed, third),
        first_letters(after, third),
    )
}

fn first_letters(text: &str, count: usize) -> &str {
    text.char_indices()
        .nth(count)
        .map_or(text, |(end, _)| &text[..end])
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// The text with tabs as spaces and other control characters as a replacement character.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => shown.push_str(TAB),
            letter if letter.is_control() => shown.push(char::REPLACEMENT_CHARACTER),
            letter => shown.push(letter),
        }
    }
    shown
}

/// Every diagnostic as a JSON array, for editors and pipelines. What is not known is left out.
pub fn render_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::from("[");
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        json_diagnostic(&mut out, diagnostic, sources);
    }
    out.push_str(if diagnostics.is_empty() {
        "]\n"
    } else {
        "\n]\n"
    });
    out
}

fn json_diagnostic(out: &mut String, diagnostic: &Diagnostic, sources: &SourceMap) {
    out.push_str(match diagnostic.severity {
        Severity::Error => "{\"severity\":\"error\"",
        Severity::Warning => "{\"severity\":\"warning\"",
        Severity::Advice => "{\"severity\":\"advice\"",
    });
    if let Some(span) = diagnostic.span {
        json_span(out, span, sources);
    }
    json_field(out, "message", &diagnostic.message);
    let optional = [
        ("path", &diagnostic.path),
        ("found", &diagnostic.found),
        ("expected", &diagnostic.expected),
        ("nearest", &diagnostic.nearest),
        ("hint", &diagnostic.hint),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            json_field(out, name, value);
        }
    }
    if !diagnostic.related.is_empty() {
        out.push_str(",\"related\":[");
        for (index, related) in diagnostic.related.iter().enumerate() {
            out.push_str(if index == 0 { "{" } else { ",{" });
            out.push_str("\"message\":");
            json_string(out, &related.message);
            json_span(out, related.span, sources);
            out.push('}');
        }
        out.push(']');
    }
    out.push('}');
}

fn json_span(out: &mut String, span: Span, sources: &SourceMap) {
    let Some(source) = sources.get(span.file) else {
        return;
    };
    json_field(out, "file", source.name());
    let (start, end) = (source.position(span.start), source.position(span.end));
    for (name, number) in [
        ("line", start.line),
        ("column", start.column),
        ("end_line", end.line),
        ("end_column", end.column),
    ] {
        write!(out, ",\"{name}\":{number}").expect("writing to a string does not fail");
    }
}

fn json_field(out: &mut String, name: &str, value: &str) {
    write!(out, ",\"{name}\":").expect("writing to a string does not fail");
    json_string(out, value);
}

fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            letter if (letter as u32) < 0x20 => {
                write!(out, "\\u{:04x}", letter as u32).expect("writing to a string does not fail");
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}
