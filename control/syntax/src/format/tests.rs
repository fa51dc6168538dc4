//! The formatter against the output of `alloy fmt`, recorded in `testdata/fmt`.

use std::path::Path;

use super::format;

#[test]
fn files_are_formatted_as_alloy_does() {
    let mut seen = 0;
    for (name, input, expected) in recorded() {
        let formatted = format(&input).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        assert_eq!(formatted, expected, "{name} differs from what alloy gives");
        assert_eq!(
            format(&formatted).as_ref(),
            Ok(&formatted),
            "{name} changes when done twice"
        );
        seen += 1;
    }
    assert!(seen >= 30, "only {seen} recorded files were found");
}

#[test]
fn broken_files_are_not_formatted() {
    let errors = format("logging {\n  level = \n}\n").expect_err("a value is missing");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message, "expected value, found \"}\"");
}

#[test]
fn raw_strings_keep_tabs_and_trailing_blanks() {
    let text = "a   = `one\ttwo  \n\t\tthree \n`\n";
    let formatted = format(text).expect("it has no mistakes");
    assert_eq!(formatted, "a = `one\ttwo  \n\t\tthree \n`\n");
}

/// Alloy would indent the first line by as many tabs as the last line of the string is long.
#[test]
fn a_raw_string_pushes_no_line_around() {
    let text = "x {\n\ta = 1\n\tb = f(`one\nfar behind`, {c = 1}) // end\n}\n";
    assert_eq!(format(text).as_deref(), Ok(text));
}

#[test]
fn keys_keep_their_escapes() {
    let text = "a = {\"b\\\"c\" = 1, `d\"e` = 2}\n";
    assert_eq!(format(text).as_deref(), Ok(text));
}

/// Alloy would join `prometheus.relabel` and write `.r` behind the comment.
#[test]
fn no_word_gets_behind_a_line_comment() {
    let text = "a   = [prometheus.\n// why\nrelabel.r]\n";
    assert_eq!(
        format(text).as_deref(),
        Ok(text),
        "such a file stays as it is"
    );
}

#[test]
fn carriage_returns_go() {
    let text = "a = 1 // one\r\n/* two\r\nthree */\r\nbb = 2\r\n";
    assert_eq!(
        format(text).as_deref(),
        Ok("a = 1 // one\n/* two\nthree */\nbb = 2\n")
    );
}

/// Name, input, output.
fn recorded() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fmt");
    let mut recorded = Vec::new();
    for entry in std::fs::read_dir(folder).expect("testdata is there") {
        let path = entry.expect("testdata can be listed").path();
        let name = path
            .file_name()
            .expect("it is a file")
            .to_string_lossy()
            .into_owned();
        let Some(case) = name.strip_suffix(".in.alloy") else {
            continue;
        };
        let output = path.with_file_name(format!("{case}.out.alloy"));
        let read = |path: &Path| std::fs::read_to_string(path).expect("a recorded file is text");
        recorded.push((case.to_string(), read(&path), read(&output)));
    }
    recorded
}
