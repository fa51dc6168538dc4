//! The mapping configuration: which names of StatsD become which metrics and labels.
//!
//! Globs go before regular expressions; among each, the first that matches counts.

use std::collections::HashMap;
use std::time::Duration;

use regex::Regex;

use super::line::EventKind;
use crate::yaml::{Fields, Node};

/// Mappings in their order.
#[derive(Debug)]
pub struct Mappings {
    pub defaults: Defaults,
    pub list: Vec<Mapping>,
}

/// What holds where a mapping says nothing.
#[derive(Debug)]
pub struct Defaults {
    pub histogram: bool,
    pub buckets: Vec<f64>,
    pub summary: Summary,
    pub ttl: Duration,
    /// Take the most specific glob in place of the first.
    unordered: bool,
}

/// How quantiles are found.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub quantiles: Vec<f64>,
    pub age_max: Duration,
    pub age_buckets: u32,
}

/// One mapping.
#[derive(Debug)]
pub struct Mapping {
    pattern: Pattern,
    kind: Option<Kind>,
    name: String,
    labels: Vec<(String, String)>,
    pub drop: bool,
    pub honor_labels: bool,
    pub help: Option<String>,
    pub ttl: Duration,
    pub scale: Option<f64>,
    /// None: as the defaults say.
    pub histogram: Option<bool>,
    pub buckets: Vec<f64>,
    pub summary: Summary,
}

#[derive(Debug)]
enum Pattern {
    /// Segments between dots; None is `*`.
    Glob(Vec<Option<String>>),
    Regex(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Observer,
}

/// A name and labels with what was captured in place of its references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub name: String,
    pub labels: Vec<(String, String)>,
}

/// Compat: the buckets of Prometheus' libraries.
const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

impl Default for Mappings {
    fn default() -> Mappings {
        Mappings {
            defaults: Defaults {
                histogram: false,
                buckets: BUCKETS.to_vec(),
                summary: Summary {
                    quantiles: vec![0.5, 0.9, 0.99],
                    age_max: Duration::from_secs(600),
                    age_buckets: 5,
                },
                ttl: Duration::ZERO,
                unordered: false,
            },
            list: Vec::new(),
        }
    }
}

impl Mappings {
    /// Reads the YAML of a mapping file.
    pub fn parse(text: &str) -> Result<Mappings, String> {
        let mut mappings = Mappings::default();
        let document = eval::yaml_texts(text)?;
        let mut fields = Fields::of(Node::root(&document))?;
        let mut glob = true;
        if let Some(defaults) = fields.take("defaults") {
            let mut fields = Fields::of(defaults)?;
            glob = match_type(&mut fields)?.unwrap_or(true);
            let defaults = &mut mappings.defaults;
            defaults.histogram = observer_type(&mut fields)?.unwrap_or(false);
            defaults.ttl = fields.duration("ttl")?.unwrap_or_default();
            defaults.unordered = fields.bool("glob_disable_ordering")?.unwrap_or(false);
            for old in ["buckets", "quantiles"] {
                if let Some(node) = fields.take(old) {
                    match old {
                        "buckets" => defaults.buckets = numbers(node)?,
                        _ => defaults.summary.quantiles = quantiles(node)?,
                    }
                }
            }
            if let Some(buckets) = buckets(&mut fields)? {
                defaults.buckets = buckets;
            }
            defaults.summary = summary(&mut fields, &defaults.summary)?;
            fields.finish()?;
        }
        if let Some(list) = fields.take("mappings") {
            for (index, node) in list.items()?.into_iter().enumerate() {
                let mapping = mapping(node, glob, &mappings.defaults);
                let mapping = mapping.map_err(|error| format!("mapping {}: {error}", index + 1))?;
                mappings.list.push(mapping);
            }
        }
        fields.finish()?;
        Ok(mappings)
    }

    /// The mapping of a name, and what it makes of it.
    pub fn find(&self, name: &str, kind: EventKind) -> Option<(usize, Mapped)> {
        let kind = match kind {
            EventKind::Counter => Kind::Counter,
            EventKind::Gauge | EventKind::GaugeChange => Kind::Gauge,
            EventKind::Observer => Kind::Observer,
        };
        let fits = |it: &Mapping| it.kind.is_none_or(|wanted| wanted == kind);
        let segments: Vec<&str> = name.split('.').collect();
        let globs = self.list.iter().enumerate().filter(|(_, it)| fits(it));
        let mut globs = globs.filter(|(_, it)| it.glob_fits(&segments));
        let glob = if self.defaults.unordered {
            globs.max_by_key(|(index, it)| (it.exactness(), std::cmp::Reverse(*index)))
        } else {
            globs.next()
        };
        if let Some((index, mapping)) = glob {
            return Some((index, mapping.by_glob(&segments)));
        }
        let rest = self.list.iter().enumerate().filter(|(_, it)| fits(it));
        rest.filter_map(|(index, it)| Some((index, it.by_regex(name)?)))
            .next()
    }
}

impl Mapping {
    fn glob_fits(&self, segments: &[&str]) -> bool {
        let Pattern::Glob(pattern) = &self.pattern else {
            return false;
        };
        let mut pairs = pattern.iter().zip(segments);
        pattern.len() == segments.len()
            && pairs.all(|(wanted, it)| wanted.as_deref().is_none_or(|wanted| wanted == *it))
    }

    /// Which segments are no `*`, the first ones weighing most.
    fn exactness(&self) -> Vec<bool> {
        match &self.pattern {
            Pattern::Glob(pattern) => pattern.iter().map(Option::is_some).collect(),
            Pattern::Regex(_) => Vec::new(),
        }
    }

    fn by_glob(&self, segments: &[&str]) -> Mapped {
        let Pattern::Glob(pattern) = &self.pattern else {
            unreachable!("only globs are asked");
        };
        let captured = pattern.iter().zip(segments);
        let captured: Vec<&str> = captured
            .filter(|(wanted, _)| wanted.is_none())
            .map(|(_, segment)| *segment)
            .collect();
        self.mapped(|template| fill(template, &captured))
    }

    fn by_regex(&self, name: &str) -> Option<Mapped> {
        let Pattern::Regex(regex) = &self.pattern else {
            return None;
        };
        let captures = regex.captures(name)?;
        Some(self.mapped(|template| {
            let mut text = String::new();
            captures.expand(template, &mut text);
            text
        }))
    }

    fn mapped(&self, fill: impl Fn(&str) -> String) -> Mapped {
        let labels = self.labels.iter();
        Mapped {
            name: fill(&self.name),
            labels: labels
                .map(|(name, value)| (name.clone(), fill(value)))
                .collect(),
        }
    }
}

/// A text with `$1` and `${1}` replaced; those that captured nothing become empty.
fn fill(template: &str, captured: &[&str]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let open = usize::from(behind.starts_with('{'));
        let digits = behind[open..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        if digits == 0 {
            text.push('$');
            rest = behind;
            continue;
        }
        let number: usize = behind[open..open + digits].parse().unwrap_or(0);
        let found = number.checked_sub(1).and_then(|index| captured.get(index));
        text.push_str(found.copied().unwrap_or_default());
        rest = &behind[open + digits..];
        rest = rest.strip_prefix('}').unwrap_or(rest);
    }
    text.push_str(rest);
    text
}

fn mapping(node: Node<'_>, glob: bool, defaults: &Defaults) -> Result<Mapping, String> {
    let mut fields = Fields::of(node)?;
    let glob = match_type(&mut fields)?.unwrap_or(glob);
    let text = fields.text("match")?.unwrap_or_default();
    let pattern = if glob {
        Pattern::Glob(segments(&text)?)
    } else {
        let regex = Regex::new(&text);
        Pattern::Regex(regex.map_err(|error| format!("invalid regex \"{text}\": {error}"))?)
    };
    let name = fields.text("name")?.unwrap_or_default();
    if !is_name(&name) {
        return Err(format!("\"{name}\" is no name of a metric"));
    }
    let mut labels = Vec::new();
    if let Some(node) = fields.take("labels") {
        for (label, value) in node.entries()? {
            // Compat: no labels of one letter, as the reference's pattern has it.
            if label.len() < 2 || !is_label(label) {
                return Err(format!("invalid label key: \"{label}\""));
            }
            labels.push((label.to_owned(), value.text()?.to_owned()));
        }
    }
    let kind = match fields.text("match_metric_type")?.as_deref() {
        None => None,
        Some("counter") => Some(Kind::Counter),
        Some("gauge") => Some(Kind::Gauge),
        Some("observer" | "timer") => Some(Kind::Observer),
        Some(other) => return Err(format!("invalid metric type \"{other}\"")),
    };
    let drop = match fields.text("action")?.as_deref() {
        None | Some("map") => false,
        Some("drop") => true,
        Some(other) => return Err(format!("invalid action \"{other}\"")),
    };
    let histogram = observer_type(&mut fields)?;
    let shape = (
        fields.has("histogram_options"),
        fields.has("summary_options"),
    );
    match (histogram.unwrap_or(defaults.histogram), shape) {
        (true, (_, true)) => return Err("a histogram has no summary_options".to_owned()),
        (false, (true, _)) if histogram.is_some() => {
            return Err("a summary has no histogram_options".to_owned());
        }
        _ => {}
    }
    let ttl = fields.duration("ttl")?.filter(|ttl| !ttl.is_zero());
    let built = Mapping {
        pattern,
        kind,
        name,
        labels,
        drop,
        honor_labels: fields.bool("honor_labels")?.unwrap_or(false),
        help: fields.text("help")?,
        ttl: ttl.unwrap_or(defaults.ttl),
        scale: fields.number("scale")?,
        histogram,
        buckets: buckets(&mut fields)?.unwrap_or_else(|| defaults.buckets.clone()),
        summary: summary(&mut fields, &defaults.summary)?,
    };
    fields.finish()?;
    Ok(built)
}

fn segments(text: &str) -> Result<Vec<Option<String>>, String> {
    let letter = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    let mut segments = Vec::new();
    for (index, segment) in text.split('.').enumerate() {
        let first = segment.chars().next();
        let begins = first.is_some_and(|it| {
            it == '_' || it.is_ascii_alphabetic() || index > 0 && it.is_ascii_digit()
        });
        match segment {
            "*" => segments.push(None),
            segment if begins && segment.chars().all(letter) => {
                segments.push(Some(segment.to_owned()));
            }
            _ => return Err(format!("invalid match: \"{text}\"")),
        }
    }
    Ok(segments)
}

/// A name, in which references to what was captured may stand.
fn is_name(name: &str) -> bool {
    let plain = fill(name, &[]);
    let letter = |it: char| it.is_ascii_alphanumeric() || it == '_';
    !name.is_empty()
        && plain.chars().all(letter)
        && (plain != name || !name.starts_with(|it: char| it.is_ascii_digit()))
}

fn is_label(name: &str) -> bool {
    let letter = |it: char| it.is_ascii_alphanumeric() || it == '_';
    name.chars().all(letter) && !name.starts_with(|it: char| it.is_ascii_digit())
}

/// Whether patterns are globs.
fn match_type(fields: &mut Fields<'_>) -> Result<Option<bool>, String> {
    match fields.text("match_type")?.as_deref() {
        None | Some("") => Ok(None),
        Some("glob") => Ok(Some(true)),
        Some("regex") => Ok(Some(false)),
        Some(other) => Err(format!("invalid match type \"{other}\"")),
    }
}

/// Whether observations become histograms; `timer_type` is the old name.
fn observer_type(fields: &mut Fields<'_>) -> Result<Option<bool>, String> {
    let old = fields.text("timer_type")?;
    match fields.text("observer_type")?.or(old).as_deref() {
        None | Some("") => Ok(None),
        Some("histogram") => Ok(Some(true)),
        Some("summary") => Ok(Some(false)),
        Some(other) => Err(format!("invalid observer type \"{other}\"")),
    }
}

fn buckets(fields: &mut Fields<'_>) -> Result<Option<Vec<f64>>, String> {
    let old = fields.take("buckets");
    let mut buckets = old.map(numbers).transpose()?;
    if let Some(node) = fields.take("histogram_options") {
        let mut options = Fields::of(node)?;
        buckets = options
            .take("buckets")
            .map(numbers)
            .transpose()?
            .or(buckets);
        // Native histograms are not in the text format.
        options.number("native_histogram_bucket_factor")?;
        options.number("native_histogram_max_buckets")?;
        options.finish()?;
    }
    Ok(buckets.filter(|it| !it.is_empty()))
}

fn summary(fields: &mut Fields<'_>, defaults: &Summary) -> Result<Summary, String> {
    let mut summary = defaults.clone();
    if let Some(node) = fields.take("quantiles") {
        summary.quantiles = quantiles(node)?;
    }
    if let Some(node) = fields.take("summary_options") {
        let mut options = Fields::of(node)?;
        if let Some(node) = options.take("quantiles") {
            summary.quantiles = quantiles(node)?;
        }
        let age = options.duration("max_age")?.filter(|age| !age.is_zero());
        summary.age_max = age.unwrap_or(summary.age_max);
        let buckets = options.number("age_buckets")?.unwrap_or(0.0) as u32;
        if buckets > 0 {
            summary.age_buckets = buckets;
        }
        options.number("buf_cap")?;
        options.finish()?;
    }
    Ok(summary)
}

fn numbers(node: Node<'_>) -> Result<Vec<f64>, String> {
    node.items()?
        .into_iter()
        .map(|node| node.number())
        .collect()
}

/// Quantiles; their errors are allowed and none is made.
fn quantiles(node: Node<'_>) -> Result<Vec<f64>, String> {
    let mut quantiles = Vec::new();
    for node in node.items()? {
        let mut fields = Fields::of(node)?;
        quantiles.push(fields.number("quantile")?.unwrap_or(0.0));
        fields.number("error")?;
        fields.finish()?;
    }
    Ok(quantiles)
}

/// Mappings found before, so that a name is matched once.
#[derive(Default)]
pub struct MappingCache {
    found: HashMap<(String, Kind3), Option<(usize, Mapped)>>,
}

/// The part of a kind that mappings see.
type Kind3 = u8;

impl MappingCache {
    /// Limit: `size` names; at the limit it begins anew.
    pub fn find(
        &mut self,
        mappings: &Mappings,
        size: usize,
        name: &str,
        kind: EventKind,
    ) -> Option<(usize, Mapped)> {
        let key = (name.to_owned(), kind as Kind3);
        if let Some(found) = self.found.get(&key) {
            return found.clone();
        }
        let found = mappings.find(name, kind);
        if self.found.len() >= size {
            self.found.clear();
        }
        if size > 0 {
            self.found.insert(key, found.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, name: &str, expect: Option<&str>) {
        let mappings = Mappings::parse(config).expect("the mapping is valid");
        let found = mappings.find(name, EventKind::Counter).map(|(_, it)| {
            let labels: Vec<String> = it.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            format!("{}{{{}}}", it.name, labels.join(","))
        });
        assert_eq!(found.as_deref(), expect, "{name}");
    }

    const CONFIG: &str = r#"
mappings:
- match: "web.*.*.time"
  name: "http_hits"
  labels: { method: "$1", page: "${2}x" }
- match: "web.*.index.time"
  name: "never"
- match: '(.+)\.regex\.(\d+)'
  match_type: regex
  name: "by_${1}"
  labels: { num: "$2" }
- match: "only.gauge"
  match_metric_type: gauge
  name: "gauge"
"#;

    #[test]
    fn the_first_glob_counts_then_regular_expressions() {
        check(
            CONFIG,
            "web.GET.index.time",
            Some("http_hits{method=GET,page=indexx}"),
        );
        check(CONFIG, "a.regex.7", Some("by_a{num=7}"));
        check(CONFIG, "only.gauge", None);
        check(CONFIG, "web.GET.time", None);
        let unordered = format!("defaults: {{glob_disable_ordering: true}}{CONFIG}");
        check(&unordered, "web.GET.index.time", Some("never{}"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (config, expect) in [
            ("mappings: [{match: a}]", "no name of a metric"),
            ("mappings: [{match: 'a b', name: x}]", "invalid match"),
            (
                "mappings: [{match: a, name: x, labels: {1a: b}}]",
                "invalid label key",
            ),
            (
                "mappings: [{match: a, name: x, extra: 1}]",
                "unknown field \"extra\"",
            ),
            (
                "mappings: [{match: a, name: x, action: keep}]",
                "invalid action",
            ),
            (
                "mappings: [{match: '(', match_type: regex, name: x}]",
                "invalid regex",
            ),
        ] {
            let error = Mappings::parse(config).expect_err("the mapping is invalid");
            assert!(error.contains(expect), "{error}");
        }
    }
}
