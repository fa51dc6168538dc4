//! The budget: `budget.txt` beside the manifest, one stage a line.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a stage may cost more than its budget says. Compilers and libraries move counts by less.
const TOLERANCE: f64 = 0.03;

/// Fails if a stage costs more than its budget. One that got cheaper by more than the tolerance is
/// named, so that the budget follows.
pub fn check(counts: &[(&str, f64)]) -> Result<(), String> {
    let text = std::fs::read_to_string(path())
        .map_err(|error| format!("cannot read {}: {error}", path().display()))?;
    let budget = parse(&text)?;
    let mut over = Vec::new();
    for (stage, count) in counts {
        let Some(limit) = budget.get(*stage) else {
            over.push(format!("{stage} has no budget"));
            continue;
        };
        println!("{stage:10} {count:8.1} instructions a sample, budget {limit:.1}");
        if *count > limit * (1.0 + TOLERANCE) {
            over.push(format!(
                "{stage} costs {count:.1}, its budget is {limit:.1}"
            ));
        }
        if *count < limit * (1.0 - TOLERANCE) {
            println!("{stage:10} got cheaper: take it in with `counts update`");
        }
    }
    if over.is_empty() {
        Ok(())
    } else {
        Err(over.join("; "))
    }
}

/// Makes counts the budget.
pub fn write(counts: &[(&str, f64)]) -> Result<(), String> {
    let mut text = String::from(HEADER);
    for (stage, count) in counts {
        println!("{stage:10} {count:8.1} instructions a sample");
        text.push_str(&format!("{stage} {count:.1}\n"));
    }
    let written = std::fs::write(path(), text);
    written.map_err(|error| format!("cannot write {}: {error}", path().display()))
}

const HEADER: &str = "\
# Instructions a sample, 1,000 series of ten labels, counted by callgrind; 3 % more fails CI.
# Written by `counts update`. A change says in its commit why a figure moved.
";

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/budget.txt"))
}

fn parse(text: &str) -> Result<BTreeMap<&str, f64>, String> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (stage, count) = line
                .split_once(' ')
                .ok_or_else(|| format!("no count in {line:?}"))?;
            Ok((
                stage,
                count.parse().map_err(|_| format!("no count in {line:?}"))?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_budget() {
        let text = std::fs::read_to_string(path()).expect("the budget is checked in");
        let budget = parse(&text).expect("a budget");
        let mut stages: Vec<&str> = crate::STAGES.iter().map(|(name, _)| *name).collect();
        stages.sort_unstable();
        assert_eq!(budget.keys().copied().collect::<Vec<_>>(), stages);
    }

    #[test]
    fn an_overrun_is_an_error_and_noise_is_not() {
        let text = std::fs::read_to_string(path()).expect("the budget is checked in");
        let budget = parse(&text).expect("a budget");
        let at = |factor: f64| -> Vec<(&str, f64)> {
            budget
                .iter()
                .map(|(stage, count)| (*stage, count * factor))
                .collect()
        };
        assert_eq!(check(&at(1.0 + TOLERANCE / 2.0)), Ok(()));
        assert_eq!(check(&at(0.5)), Ok(()));
        assert!(check(&at(1.0 + TOLERANCE * 2.0)).is_err());
    }
}
