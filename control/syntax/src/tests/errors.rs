//! Where mistakes are seen and how they are told: `testdata/errors` holds broken files, each with
//! its diagnostics as users read them. `UPDATE=1` rewrites those.

use std::path::{Path, PathBuf};

use crate::tests::joined;
use crate::{
    DEPTH_MAX, DIAGNOSTICS_MAX, Diagnostic, SOURCE_BYTES_MAX, SourceMap, parse, render, render_all,
    render_json,
};

#[test]
fn broken_files_give_the_recorded_diagnostics() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut seen = 0;
    for path in broken_files() {
        let name = path
            .file_name()
            .expect("it is a file")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a recorded file is text");
        let parse = parse(0, text.as_str());
        assert_eq!(joined(&parse), text, "{name} lost bytes");
        let mut sources = SourceMap::new();
        sources.add(name.as_str(), text);
        let shown = render_all(&parse.diagnostics, &sources);
        let recorded = path.with_extension("txt");
        if update {
            std::fs::write(&recorded, &shown).expect("testdata can be written");
        }
        let expected = std::fs::read_to_string(&recorded).unwrap_or_default();
        assert_eq!(
            shown,
            expected,
            "{name}; UPDATE=1 rewrites {}",
            recorded.display()
        );
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} broken files were found");
}

/// Positions recorded from a real Alloy, of mistakes that the parser sees.
#[test]
fn positions_are_those_of_alloy() {
    let recorded = [
        ("bad_escape", (2, 16)),
        ("bad_label", (1, 12)),
        ("missing_brace", (3, 1)),
        ("missing_comma", (2, 16)),
        ("missing_value", (3, 1)),
        ("stray_character", (2, 17)),
        ("unterminated_string", (2, 13)),
    ];
    for (name, expected) in recorded {
        let path = testdata().join(format!("{name}.alloy"));
        let text = std::fs::read_to_string(path).expect("a recorded file is text");
        assert_eq!(positions(&text), [expected], "of {name}");
    }
}

#[test]
fn columns_count_bytes() {
    assert_eq!(positions("x {\n\tключ = \"ü\" oops\n}\n"), [(2, 18)]);
}

#[test]
fn a_missing_comma_at_a_line_end_is_seen_there() {
    assert_eq!(positions("a = [\n  0,\n  2\n]\n"), [(3, 4)]);
    assert_eq!(positions("a = {\n  b = 0,\n  c = 2\n}\n"), [(3, 8)]);
}

#[test]
fn one_mistake_on_a_line_hides_its_echoes_but_not_other_lines() {
    assert_eq!(
        positions("a = 1 + + + 2 )\nb = *\nc = 1\n"),
        [(1, 9), (2, 5)]
    );
}

#[test]
fn what_follows_a_mistake_is_still_read() {
    let parse = parse(0, "a = )\nb { x = = 1\n y = 2 }\nc = 3\n");
    let names: Vec<_> = parse
        .tree
        .body()
        .attributes()
        .map(|found| found.name().text)
        .collect();
    assert_eq!(names, ["a", "c"]);
    let block = parse.tree.body().blocks().next();
    assert_eq!(
        block.map(|block| block.body().attributes().count()),
        Some(2)
    );
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("-", ""),
        ("1+", ""),
        ("1^", ""),
        ("{a=", "}"),
    ] {
        let nested = |count: usize| format!("v = {}1{}\n", open.repeat(count), close.repeat(count));
        assert_eq!(parse(0, nested(40)).diagnostics, [], "of {open}");
        let deep = nested(200_000);
        let parse = parse(0, deep.as_str());
        assert_eq!(messages(&parse.diagnostics), [too_deep()], "of {open}");
        assert_eq!(joined(&parse), deep);
    }
    let blocks = |count: usize| "a {\n".repeat(count) + &"}\n".repeat(count);
    assert_eq!(parse(0, blocks(40)).diagnostics, []);
    assert_eq!(
        messages(&parse(0, blocks(200_000)).diagnostics),
        [too_deep()]
    );
    let chain = format!("v = a{}\n", ".b".repeat(200_000));
    assert_eq!(messages(&parse(0, chain).diagnostics), [too_deep()]);
    let unclosed = format!("v = a{}", "(a[{a=(".repeat(200_000));
    assert_eq!(messages(&parse(0, unclosed).diagnostics), [too_deep()]);
}

#[test]
fn the_number_of_diagnostics_is_bounded() {
    let parse = parse(0, "#\n".repeat(DIAGNOSTICS_MAX + 5));
    assert_eq!(parse.diagnostics.len(), DIAGNOSTICS_MAX);
    let last = messages(&parse.diagnostics).pop();
    assert_eq!(
        last.as_deref(),
        Some("too many mistakes, the rest is not shown")
    );
}

#[test]
fn a_huge_file_is_refused() {
    let parse = parse(0, " ".repeat(SOURCE_BYTES_MAX + 1));
    assert_eq!(parse.diagnostics.len(), 1);
    assert!(parse.diagnostics[0].message.ends_with("are read; split it"));
    assert!(parse.tree.body().is_empty());
}

#[test]
fn diagnostics_show_what_is_known() {
    let mut sources = SourceMap::new();
    let file = sources.add(
        "config.alloy",
        "local.file \"a\" {\n\tcolour = \"\u{1b}[31m\"\n}\n",
    );
    let diagnostic = Diagnostic::error(crate::Span::new(file, 18, 24), "unknown attribute")
        .path("local.file.a")
        .found("\"colour\"")
        .expected("one of filename, is_secret")
        .nearest("filename".to_string())
        .hint("see the reference")
        .related(crate::Span::new(file, 0, 10), "of this block");
    let shown = render(&diagnostic, &sources);
    let expected = "Error: config.alloy:2:2: unknown attribute\n\
                    \n\
                    1 | local.file \"a\" {\n\
                    2 |     colour = \"\u{fffd}[31m\"\n  \
                      |     ^^^^^^\n\
                    3 | }\n  \
                      = in local.file.a\n  \
                      = found \"colour\"\n  \
                      = expected one of filename, is_secret\n  \
                      = did you mean \"filename\"?\n  \
                      = see the reference\n  \
                      = of this block at config.alloy:1:1\n";
    assert_eq!(shown, expected);
    let json = render_json(&[diagnostic], &sources);
    let expected = "[\n{\"severity\":\"error\",\"file\":\"config.alloy\",\"line\":2,\"column\":2,\
                    \"end_line\":2,\"end_column\":8,\"message\":\"unknown attribute\",\
                    \"path\":\"local.file.a\",\"found\":\"\\\"colour\\\"\",\
                    \"expected\":\"one of filename, is_secret\",\"nearest\":\"filename\",\
                    \"hint\":\"see the reference\",\"related\":[{\"message\":\"of this block\",\
                    \"file\":\"config.alloy\",\"line\":1,\"column\":1,\"end_line\":1,\
                    \"end_column\":11}]}\n]\n";
    assert_eq!(json, expected);
}

#[test]
fn a_diagnostic_without_a_place_is_one_line() {
    let warning = Diagnostic::warning(None, "could not read \"x.alloy\"");
    assert_eq!(
        render(&warning, &SourceMap::new()),
        "Warning: could not read \"x.alloy\"\n"
    );
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let mut sources = SourceMap::new();
    let line = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
    let file = sources.add("x", line);
    let shown = render(
        &Diagnostic::error(crate::Span::new(file, 500, 504), "m"),
        &sources,
    );
    assert!(shown.lines().all(|line| line.len() < 180), "{shown}");
    assert!(shown.contains("aHEREb"), "{shown}");
}

fn positions(text: &str) -> Vec<(u32, u32)> {
    let mut sources = SourceMap::new();
    let file = sources.add("config.alloy", text);
    let diagnostics = parse(file, text).diagnostics;
    let spans = diagnostics
        .iter()
        .map(|found| found.span.expect("the parser knows the place"));
    let places = spans.map(|span| sources.position(span).expect("the file is known"));
    places.map(|place| (place.line, place.column)).collect()
}

fn messages(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.message.clone())
        .collect()
}

fn too_deep() -> String {
    format!("nested deeper than {DEPTH_MAX} levels; the rest is not read")
}

fn broken_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata()).expect("testdata is there");
    let paths = entries.map(|entry| entry.expect("testdata can be listed").path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "alloy"))
        .collect()
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/errors")
}
