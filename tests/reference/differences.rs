//! Where this program parts from Alloy, and why: lines of `subject: what: reason`.

/// One argued difference.
struct Known {
    subject: String,
    what: String,
}

/// A difference that was found: whose it is, and what it is.
#[derive(Debug)]
pub struct Difference {
    subject: String,
    what: String,
}

impl Difference {
    pub fn new(subject: &str, what: impl Into<String>) -> Difference {
        Difference {
            subject: subject.to_owned(),
            what: what.into(),
        }
    }

    pub fn what(&self) -> &str {
        &self.what
    }
}

/// Fails with every difference that has no line, and with every line of `subjects` (`component`,
/// `block` or `command`) that has no difference.
pub fn report(subjects: &str, found: &[Difference]) {
    let known = parse(include_str!("differences.txt"));
    let mut told = Vec::new();
    for Difference { subject, what } in found {
        let same = |known: &Known| known.subject == *subject && known.what == *what;
        if !known.iter().any(same) {
            told.push(format!("{subject}: {what}"));
        }
    }
    for Known { subject, what } in &known {
        let same = |found: &Difference| found.subject == *subject && found.what == *what;
        if subject.split(' ').next() == Some(subjects) && !found.iter().any(same) {
            told.push(format!(
                "differences.txt tells what is no more, remove it: {subject}: {what}"
            ));
        }
    }
    assert!(
        told.is_empty(),
        "{} differences; remove them, or argue them in differences.txt:\n{}\n",
        told.len(),
        told.join("\n")
    );
}

fn parse(text: &str) -> Vec<Known> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known = |line: &str| {
        let mut parts = line.splitn(3, ": ");
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (subject, what, reason) = (next(), next(), next());
        assert!(
            reason.split(' ').count() >= 4,
            "give a reason in differences.txt: {line}"
        );
        Known { subject, what }
    };
    lines.map(known).collect()
}
