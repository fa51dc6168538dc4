//! Counts the instructions that a sample costs in each stage of its way, and holds them to a
//! budget.
//!
//! Time moves with the machine and its neighbours; instructions do not, so that a change of 3 %
//! shows in CI. Each stage runs alone under callgrind, which counts inside one function only.
//!
//! ```text
//! counts check        every stage under callgrind, against budget.txt; an overrun is an error
//! counts update       the same, and the figures become the budget
//! counts time         nanoseconds, for the eye: not checked
//! counts run STAGE    one stage, for callgrind
//! ```

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "a rig talks to the machine directly"
)]

mod budget;
mod page;
mod spans;
mod stages;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use stages::{Bench, ROUNDS, STAGES};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["run", stage] => run(stage),
        ["time"] => time(),
        ["check"] => count().and_then(|counts| budget::check(&counts)),
        ["update"] => count().and_then(|counts| budget::write(&counts)),
        _ => Err("usage: counts check | update | time | run STAGE".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("counts: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str) -> Result<(), String> {
    let stage = STAGES.iter().find(|(other, _)| *other == name);
    let (_, stage) = stage.ok_or_else(|| format!("no stage is called {name:?}"))?;
    stage(&mut Bench::new());
    Ok(())
}

/// Instructions per sample of every stage.
fn count() -> Result<Vec<(&'static str, f64)>, String> {
    let samples = (ROUNDS * page::SERIES) as f64;
    STAGES
        .iter()
        .map(|(name, _)| Ok((*name, collect(name)? as f64 / samples)))
        .collect()
}

/// Runs one stage under callgrind and reads what it collected.
fn collect(stage: &str) -> Result<u64, String> {
    let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
        ])
        .arg(format!("--toggle-collect=*stage_{stage}*"))
        .arg(own)
        .args(["run", stage])
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}; install it"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    match collected.filter(|count| output.status.success() && *count > 0) {
        Some(count) => Ok(count),
        None => Err(format!(
            "stage {stage:?} under valgrind gave no count:\n{report}"
        )),
    }
}

fn time() -> Result<(), String> {
    let samples = (ROUNDS * page::SERIES) as u32;
    for (name, stage) in STAGES {
        let best = (0..15).map(|_| {
            let mut bench = Bench::new();
            let start = Instant::now();
            stage(&mut bench);
            start.elapsed()
        });
        let best = best.min().unwrap_or(Duration::ZERO) / samples;
        println!("{name:10} {:>5} ns a sample", best.as_nanos());
    }
    let [page, plain, compressed, block, stencil] = Bench::new().sizes();
    let each = |bytes| bytes / page::SERIES;
    println!(
        "bytes a sample: page {}, request {}, compressed {}, block {}, stencil {}",
        each(page),
        each(plain),
        each(compressed),
        each(block),
        each(stencil)
    );
    Ok(())
}
