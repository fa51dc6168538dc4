//! What decides the bytes of a message. Endpoints of equal encoding share a lane.

use std::fmt::Write as _;
use std::rc::Rc;

use ops::relabel::Rule;

use super::endpoint::Part;
use super::wire::Version;

/// How samples become messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    pub external_labels: Vec<(String, String)>,
    pub rules: Vec<Rule>,
    pub exemplars: bool,
    pub histograms: bool,
    pub version: Version,
    pub samples_max: usize,
}

impl Encoding {
    /// Each encoding once, in the order of the endpoints.
    pub fn distinct(parts: &[Rc<Part>]) -> Vec<Encoding> {
        let mut distinct: Vec<Encoding> = Vec::new();
        for part in parts {
            if !distinct.contains(&part.encoding) {
                distinct.push(part.encoding.clone());
            }
        }
        distinct
    }

    /// The endpoints that take it.
    pub fn destinations(&self, parts: &[Rc<Part>]) -> Vec<String> {
        let ours = parts.iter().filter(|part| part.encoding == *self);
        ours.map(|part| part.name.clone()).collect()
    }

    /// The same for the same settings in each run of the program, so that a lane is found again.
    pub fn lane_name(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.external_labels {
            push(&mut text, format_args!("label {name:?} {value:?}\n"));
        }
        for rule in &self.rules {
            push(&mut text, format_args!("rule {:?}\n", rule.text()));
        }
        let Encoding {
            exemplars,
            histograms,
            samples_max,
            ..
        } = self;
        push(
            &mut text,
            format_args!("{exemplars} {histograms} {samples_max}\n"),
        );
        format!(
            "v{}-{:016x}",
            self.version as u8,
            stdx::fnv1a(text.as_bytes())
        )
    }

    /// Whether series go out as they came in.
    pub fn keeps_labels(&self) -> bool {
        self.external_labels.is_empty() && self.rules.is_empty()
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes any text");
}
