//! Which crate may use which, and who may name the operating system's and the runtimes' crates.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, report, repository};

/// Limit: a crate may use those in its line, and what those may use. A new arrow needs a decision
/// record. `cli` uses everything; `bench`, `fuzz` and `tests` stand outside.
const ARROWS: [(&str, &[&str]); 24] = [
    ("stdx", &[]),
    ("runtime", &["stdx", "os"]),
    ("os", &["stdx"]),
    ("net", &["runtime"]),
    ("wal", &["runtime", "os"]),
    ("schema-derive", &[]),
    ("schema", &["stdx", "schema-derive"]),
    ("batch", &["stdx"]),
    ("formats", &["batch"]),
    ("ops", &["batch"]),
    ("blocks", &["schema", "ops", "net"]),
    ("engine", &["wal", "batch", "schema"]),
    ("prometheus", &["engine", "net", "blocks", "formats", "ops"]),
    ("loki", &["engine", "net", "blocks", "formats", "ops"]),
    ("otelcol", &["engine", "net", "blocks", "formats", "ops"]),
    ("syntax", &["stdx"]),
    ("eval", &["syntax", "schema"]),
    ("plan", &["eval", "engine"]),
    ("convert", &["syntax", "schema"]),
    ("discovery", &["eval", "blocks"]),
    ("sources", &["eval", "blocks"]),
    ("exporters", &["eval", "formats", "net", "ops", "os"]),
    ("cluster", &["stdx"]),
    ("admin", &["plan", "cluster", "formats", "net"]),
];

/// Crates of the machine, and the only ones who may name them.
const MACHINES: [(&str, &[&str]); 6] = [
    ("monoio", &["runtime"]),
    ("glommio", &["runtime"]),
    ("io-uring", &["runtime"]),
    ("core_affinity", &["os"]),
    ("memmap2", &["os", "runtime"]),
    (
        "tokio",
        &[
            "runtime",
            "eval",
            "plan",
            "discovery",
            "sources",
            "exporters",
            "cluster",
            "admin",
            "cli",
        ],
    ),
];

#[test]
fn crates_use_only_what_the_arrows_allow() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut findings = Vec::new();
    for manifest in repository().members() {
        if outside(manifest.top_folder()) || manifest.name == "cli" {
            continue;
        }
        let name = manifest.name.as_str();
        let allowed = reach(&arrows, name);
        if !arrows.contains_key(name) {
            let message = format!("crate \"{name}\" is not in the table of tests/tidy/arrows.rs");
            findings.push(Finding::new(&manifest.path, 1, message));
        }
        for dependency in &manifest.dependencies {
            let used = dependency.name.as_str();
            let ours = arrows.contains_key(used) || used == "cli" || used == "tests";
            if ours && !allowed.contains(used) {
                let message = format!(
                    "{name} -> {used} is no arrow of the table; it may use {}",
                    listed(&allowed)
                );
                findings.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    report("arrows", findings);
}

#[test]
fn crates_of_the_machine_are_named_in_one_place() {
    let mut findings = Vec::new();
    for manifest in repository().members() {
        for dependency in &manifest.dependencies {
            let rule = MACHINES.iter().find(|(name, _)| *name == dependency.name);
            let Some((name, users)) = rule else { continue };
            if !dependency.dev
                && !outside(manifest.top_folder())
                && !users.contains(&manifest.name.as_str())
            {
                let message = format!("only {} may name {name}", users.join(", "));
                findings.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    report("machines", findings);
}

/// So that a version and the reason for a dependency stand in one place.
#[test]
fn dependencies_come_from_the_root_manifest_with_a_reason() {
    let mut findings = Vec::new();
    for manifest in repository().members() {
        for dependency in &manifest.dependencies {
            if !dependency.from_workspace {
                let name = &dependency.name;
                let message = format!(
                    "name {name} in the root Cargo.toml with why, and say {name}.workspace = true"
                );
                findings.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    let root = repository().root.join("Cargo.toml");
    let root = std::fs::read_to_string(root).expect("the root manifest can be read");
    let mut explained = true;
    let section = root
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != "[workspace.dependencies]");
    for (index, line) in section
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
    {
        // A comment on a line speaks for the lines that follow it, up to a blank one.
        explained = (explained || line.contains('#')) && !line.is_empty();
        if line.contains('=') && !explained && !line.contains("path =") {
            findings.push(Finding::new(
                "Cargo.toml",
                index + 1,
                "say behind a # why it is needed",
            ));
        }
    }
    report("arrows", findings);
}

/// What a crate may use: its line, and the lines of those.
fn reach<'t>(arrows: &BTreeMap<&'t str, &[&'t str]>, name: &str) -> BTreeSet<&'t str> {
    let mut reached = BTreeSet::new();
    let mut open = arrows.get(name).map_or(Vec::new(), |names| names.to_vec());
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(arrows.get(next).copied().unwrap_or_default());
        }
    }
    reached
}

fn outside(folder: &str) -> bool {
    ["bench", "fuzz", "tests"].contains(&folder)
}

fn listed(names: &BTreeSet<&str>) -> String {
    match names.is_empty() {
        true => "no crate of ours".to_string(),
        false => names.iter().copied().collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn arrows_have_no_cycle() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    for name in arrows.keys() {
        assert!(
            !reach(&arrows, name).contains(name),
            "{name} can reach itself"
        );
    }
}
