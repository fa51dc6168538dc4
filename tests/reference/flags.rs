//! Commands and their flags, as `--help` shows them and as they are taken.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::differences::{Difference, report};
use crate::{printed, read};

/// A flag as the help text has it.
#[derive(Debug, Default, PartialEq)]
struct Flag {
    short: Option<String>,
    default: String,
    values: Vec<String>,
}

#[test]
fn commands_and_their_flags_are_those_of_alloy() {
    let reference = read("cli.json");
    let commands = reference["commands"].as_array().expect("a list");
    let ours = subcommands(&printed(&["--help"]));
    let mut found = Vec::new();
    for theirs in commands {
        let name = theirs["name"].as_str().expect("a name");
        let subject = format!("command {name}");
        let args: Vec<&str> = match name {
            "(root)" => vec!["--help"],
            name if ours.iter().any(|ours| ours == name) => vec![name, "--help"],
            _ => {
                found.push(Difference::new(&subject, "is missing"));
                continue;
            }
        };
        compare(&subject, flags(&printed(&args)), theirs, &mut found);
    }
    for name in ours.iter().filter(|name| *name != "help") {
        if !commands
            .iter()
            .any(|theirs| theirs["name"] == name.as_str())
        {
            found.push(Difference::new(
                &format!("command {name}"),
                "is not in Alloy",
            ));
        }
    }
    report("command", &found);
}

#[test]
fn every_flag_that_alloy_takes_is_taken() {
    let reference = read("cli.json");
    for command in reference["commands"].as_array().expect("a list") {
        let name = command["name"].as_str().expect("a name");
        if !["run", "validate"].contains(&name) {
            continue;
        }
        // Folders that the defaults name are made below it.
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let mut invar = Command::new(tests::invar::binary());
        invar.arg(name).current_dir(scratch.path());
        for flag in here(command) {
            let default = shown(&flag["default"]);
            // Cluster flags that have no default want something that looks like one.
            let value = if default.is_empty() { "x" } else { &default };
            invar.arg(format!(
                "{}={value}",
                flag["name"].as_str().expect("a name")
            ));
        }
        let output = invar
            .arg("no-such-file.alloy")
            .output()
            .expect("the binary starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.contains("no-such-file.alloy"),
            "stopped before the file: {told}"
        );
    }
}

fn compare(
    subject: &str,
    mut ours: BTreeMap<String, Flag>,
    theirs: &Value,
    found: &mut Vec<Difference>,
) {
    let mut differ = |what: String| found.push(Difference::new(subject, what));
    for flag in here(theirs) {
        let name = flag["name"].as_str().expect("a name");
        let Some(ours) = ours.remove(name) else {
            differ(format!("{name} is not in the help"));
            continue;
        };
        if ours.short.as_deref() != flag["short"].as_str() {
            differ(format!(
                "{name} is {:?} in short, not {}",
                ours.short, flag["short"]
            ));
        }
        // `--version` and `--help` are no settings.
        let default = shown(&flag["default"]);
        if subject != "command (root)" && ours.default != default {
            differ(format!(
                "{name} has default \"{}\", not \"{default}\"",
                ours.default
            ));
        }
        let mut values: Vec<String> = flag["values"]
            .as_array()
            .map_or_else(Vec::new, |values| values.iter().map(shown).collect());
        values.sort();
        if ours.values != values && !(values.is_empty() && ours.values == ["false", "true"]) {
            differ(format!(
                "{name} names the values {:?}, not {values:?}",
                ours.values
            ));
        }
    }
    for name in ours.keys().filter(|name| *name != "--help") {
        differ(format!("{name} is not in Alloy"));
    }
}

/// The flags that there are on this system.
fn here(command: &Value) -> impl Iterator<Item = &Value> {
    let flags = command["flags"].as_array().expect("a list");
    flags.iter().filter(|flag| {
        let platforms = flag["platforms"].as_array();
        platforms.is_none_or(|platforms| platforms.iter().any(|it| it == std::env::consts::OS))
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The names below `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let (_, list) = help
        .split_once("Commands:\n")
        .expect("the help lists commands");
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The flags of a help text. A line that begins with a dash begins a flag; what follows is its
/// description, with the default and the values in brackets.
fn flags(help: &str) -> BTreeMap<String, Flag> {
    let (_, options) = help
        .split_once("Options:\n")
        .expect("the help lists options");
    let mut flags = BTreeMap::new();
    let mut name = String::new();
    for line in options.lines().map(str::trim) {
        if line.starts_with('-') {
            let (short, long) = match line.split_once(", --") {
                Some((short, long)) if short.len() == 2 => {
                    (Some(short.to_owned()), format!("--{long}"))
                }
                _ => (None, line.to_owned()),
            };
            let end = long.find([' ', '=', '[']).unwrap_or(long.len());
            name = long[..end].to_owned();
            flags.insert(
                name.clone(),
                Flag {
                    short,
                    ..Flag::default()
                },
            );
        }
        let Some(flag) = flags.get_mut(&name) else {
            continue;
        };
        if let Some(default) = bracketed(line, "[default: ") {
            flag.default = default.trim_matches('"').to_owned();
        }
        if let Some(values) = bracketed(line, "[possible values: ") {
            flag.values = values.split(", ").map(str::to_owned).collect();
            flag.values.sort();
        }
    }
    flags
}

fn bracketed<'a>(line: &'a str, opening: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(opening)?;
    rest.split_once(']').map(|(inside, _)| inside)
}

#[test]
fn flags_are_read_from_both_layouts_of_the_help() {
    let help = "Do.\n\nOptions:\n  -w, --write[=<WRITE>]  Write [default: false] \
                [possible values: true, false]\n      --config.extra-args <ARGS>\n          \
                Of others [default: \"\"]\n";
    let write = Flag {
        short: Some("-w".to_owned()),
        default: "false".to_owned(),
        values: vec!["false".to_owned(), "true".to_owned()],
    };
    let expected = [
        ("--config.extra-args".to_owned(), Flag::default()),
        ("--write".to_owned(), write),
    ];
    assert_eq!(flags(help), BTreeMap::from(expected));
}
