//! Patterns against what Go's doublestar makes of them, and against folders on disk.

use std::fs;
use std::path::PathBuf;

use super::*;

/// Each line a pattern, a path, and whether they fit.
fn check(lines: &[(&str, &str, bool)]) {
    for (pattern, path, expected) in lines {
        let glob = Glob::parse(pattern, false).expect("a valid pattern");
        assert_eq!(glob.matches(path), *expected, "{pattern} on {path}");
    }
}

#[test]
fn names_match_as_in_go() {
    check(&[
        ("abc", "abc", true),
        ("*", "abc", true),
        ("*c", "abc", true),
        ("a*", "a", true),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("ab[c]", "abc", true),
        ("ab[^c]", "abc", false),
        ("ab[!e-g]", "abc", true),
        ("ab[b-d]", "abc", true),
        ("[]a]", "]", true),
        ("[a-]", "-", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("*", ".hidden", true),
        ("a?b", "a/b", false),
        ("?", "ä", true),
        ("", "", true),
        ("*", "", true),
        ("a", "", false),
    ]);
}

#[test]
fn two_stars_are_any_number_of_folders() {
    check(&[
        ("/a/**/b", "/a/b", true),
        ("/a/**/b", "/a/x/y/b", true),
        ("/a/**/b", "/a/x/y/c", false),
        ("/a/**", "/a/x/y", true),
        ("/a/**", "/a", true),
        ("**/x.log", "x.log", true),
        ("**/a/**/b", "a/a/c/b", true),
        ("a/**.log", "a/x.log", true),
        ("a/**.log", "a/b/x.log", false),
        ("/a/**/**/c", "/a/c", true),
    ]);
}

#[test]
fn braces_are_alternatives() {
    check(&[
        ("/a/{b,c}/*.log", "/a/c/x.log", true),
        ("/a/{b,c}/*.log", "/a/d/x.log", false),
        ("/a/{b/x,c}", "/a/b/x", true),
        ("a{,.gz}", "a", true),
        ("a{,.gz}", "a.gz", true),
        ("{a{1,2},b}", "a2", true),
        ("{a,**/b}", "x/y/b", true),
        ("a[{,]b", "a{b", true),
    ]);
}

#[test]
fn what_has_no_end_is_no_pattern() {
    for pattern in ["[a", "a{b", "a\\", "[", "[]"] {
        assert!(Glob::parse(pattern, false).is_err(), "{pattern}");
    }
    let many = "{a,b}".repeat(11);
    assert_eq!(
        Glob::parse(&many, false).map(|_| ()),
        Err(GlobError::TooMany)
    );
}

#[test]
fn a_pattern_that_backtracks_is_quick() {
    let name = "a".repeat(5_000);
    let pattern = format!("{}b", "*a".repeat(200));
    let glob = Glob::parse(&pattern, false).expect("a valid pattern");
    assert!(!glob.matches(&name));
    let deep = "a/".repeat(2_000);
    let glob = Glob::parse("**/a/**/a/**/b", false).expect("a valid pattern");
    assert!(!glob.matches(&deep));
}

#[test]
fn case_counts_unless_it_is_folded() {
    let glob = Glob::parse("C:/Logs/[a-z]*.LOG", true).expect("a valid pattern");
    assert!(glob.matches("c:/logs/X.log"));
    let glob = Glob::parse("Logs/*", false).expect("a valid pattern");
    assert!(!glob.matches("logs/x"));
}

/// A folder of the test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, files: &[&str]) -> Scratch {
        let root = std::env::temp_dir().join(format!("stdx-glob-{}-{name}", std::process::id()));
        for file in files {
            let path = root.join(file);
            let folder = path.parent().expect("files stand in folders");
            fs::create_dir_all(folder).expect("a scratch folder");
            fs::File::create_new(path).expect("a scratch folder");
        }
        Scratch(root)
    }

    fn expand(&self, pattern: &str) -> Vec<String> {
        let pattern = format!("{}/{pattern}", self.0.display());
        let found = Glob::new(&pattern).expect("a valid pattern").expand();
        let below = |path: PathBuf| {
            let path = path.strip_prefix(&self.0).expect("below the folder");
            path.display().to_string().replace('\\', "/")
        };
        found.into_iter().map(below).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind stands in the system's scratch folder and harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn paths_that_exist_come_in_the_order_of_names() {
    let files = ["b/2.log", "b/1.log", "b/c/3.log", "a.log", "b/.x.log"];
    let scratch = Scratch::new("order", &files);
    assert_eq!(scratch.expand("*.log"), ["a.log"]);
    assert_eq!(
        scratch.expand("**/*.log"),
        ["a.log", "b/.x.log", "b/1.log", "b/2.log", "b/c/3.log"]
    );
    assert_eq!(scratch.expand("b/[1]*"), ["b/1.log"]);
    assert_eq!(scratch.expand("a.log"), ["a.log"]);
    assert_eq!(scratch.expand("nothing.log"), Vec::<String>::new());
    assert_eq!(scratch.expand("none/*"), Vec::<String>::new());
    assert_eq!(
        scratch.expand("b/**"),
        ["b", "b/.x.log", "b/1.log", "b/2.log", "b/c", "b/c/3.log"]
    );
    assert_eq!(
        scratch.expand("{a,b/1,b/*}.log"),
        ["a.log", "b/1.log", "b/.x.log", "b/2.log"]
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_above_is_not_walked_for_ever() {
    let scratch = Scratch::new("loop", &["a/x.log"]);
    std::os::unix::fs::symlink(&scratch.0, scratch.0.join("a/up")).expect("a link");
    assert_eq!(scratch.expand("**/x.log"), ["a/x.log"]);
}
