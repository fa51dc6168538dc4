//! From a set of labels to something that can be scraped: its URL, and the labels of its series.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use batch::LabelsBuf;
use xxhash_rust::xxh64::Xxh64;

use super::settings::Settings;

/// A target as one loop scrapes it.
pub struct ScrapeTarget {
    /// Identity: labels and URL. Equal hashes are one target.
    pub hash: u64,
    pub url: String,
    pub request_target: net::Target,
    /// The labels that every series of the target gets.
    pub labels: LabelsBuf,
    pub job: String,
    pub interval: Duration,
    pub timeout: Duration,
}

/// Label names that describe the scrape and not the series.
const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const SCRAPE_INTERVAL: &str = "__scrape_interval__";
const SCRAPE_TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";
const META: &str = "__meta_";

/// A target whose labels are complete, and that is not looked at any closer yet: every shard does
/// this with every target, and the rest with those that it owns.
pub struct Candidate {
    labels: LabelsBuf,
    /// Of the labels, from which the URL follows: equal hashes are one target.
    pub hash: u64,
}

impl Candidate {
    pub fn new(labels: &schema::Target, settings: &Settings) -> Candidate {
        let labels = with_defaults(labels, settings);
        let hash = hash_labels(&labels);
        Candidate { labels, hash }
    }
}

impl ScrapeTarget {
    /// Checks as Prometheus does. The error names the label to change.
    pub fn new(candidate: &Candidate, settings: &Settings) -> Result<Rc<ScrapeTarget>, String> {
        let labels = &candidate.labels;
        let address = labels
            .get(ADDRESS)
            .ok_or("target has no label \"__address__\"")?;
        if address.contains('/') {
            return Err(format!(
                "label \"__address__\" is {address:?}, but may not hold \"/\""
            ));
        }
        let (interval, timeout) = times(labels)?;
        let url = url(labels, address, settings)?;
        let request_target = net::Target::parse(url.as_str()).map_err(|error| error.to_string())?;
        let url = String::from(url);
        Ok(Rc::new(ScrapeTarget {
            hash: hash(candidate.hash, &url),
            request_target,
            job: labels.get("job").unwrap_or_default().to_owned(),
            labels: series_labels(labels, address),
            url,
            interval,
            timeout,
        }))
    }

    /// Where in the interval the target is scraped: the same on each start of this host, different
    /// between hosts and targets.
    pub fn offset_ns(&self, seed: u64) -> u64 {
        let interval_ns = u64::try_from(self.interval.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        (self.hash ^ seed) % interval_ns
    }
}

fn with_defaults(target: &schema::Target, settings: &Settings) -> LabelsBuf {
    let mut labels = LabelsBuf::new();
    for (name, value) in target.iter().filter(|(name, _)| !name.starts_with(META)) {
        labels.set(name, value);
    }
    let interval = stdx::format_duration(settings.interval);
    let timeout = stdx::format_duration(settings.timeout);
    let defaults = [
        ("job", settings.job.as_str()),
        (SCHEME, &settings.scheme),
        (METRICS_PATH, &settings.metrics_path),
        (SCRAPE_INTERVAL, &interval),
        (SCRAPE_TIMEOUT, &timeout),
    ];
    for (name, value) in defaults {
        if !labels.contains(name) {
            labels.set(name, value);
        }
    }
    for (name, values) in &settings.params {
        let name = format!("{PARAM}{name}");
        if let Some(first) = values.first()
            && !labels.contains(&name)
        {
            labels.set(&name, first);
        }
    }
    labels
}

/// Interval and timeout may be set per target.
fn times(labels: &LabelsBuf) -> Result<(Duration, Duration), String> {
    let read = |name: &str| {
        let text = labels.get(name).unwrap_or_default();
        match stdx::parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Ok(duration),
            _ => Err(format!(
                "label {name:?} is {text:?}, expected a duration such as \"15s\""
            )),
        }
    };
    let (interval, timeout) = (read(SCRAPE_INTERVAL)?, read(SCRAPE_TIMEOUT)?);
    if timeout > interval {
        return Err(format!(
            "label {SCRAPE_TIMEOUT:?} is greater than {SCRAPE_INTERVAL:?}"
        ));
    }
    Ok((interval, timeout))
}

fn url(labels: &LabelsBuf, address: &str, settings: &Settings) -> Result<url::Url, String> {
    let scheme = labels.get(SCHEME).unwrap_or_default();
    let base = format!("{scheme}://{address}");
    let mut url = url::Url::parse(&base)
        .map_err(|error| format!("label \"__address__\" gives the URL {base:?}: {error}"))?;
    url.set_path(labels.get(METRICS_PATH).unwrap_or_default());
    let mut params: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &settings.params {
        params.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix(PARAM) else {
            continue;
        };
        let values = params.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    if !params.is_empty() {
        let mut query = url.query_pairs_mut();
        for (name, values) in params {
            for value in values {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url)
}

fn series_labels(labels: &LabelsBuf, address: &str) -> LabelsBuf {
    let mut kept = labels.clone();
    kept.retain(|name, _| !name.starts_with("__"));
    if !kept.contains("instance") {
        kept.set("instance", address);
    }
    kept
}

fn hash_labels(labels: &LabelsBuf) -> u64 {
    let mut of_labels = Xxh64::new(0);
    for (name, value) in labels.iter() {
        of_labels.update(name.as_bytes());
        of_labels.update(b"\xff");
        of_labels.update(value.as_bytes());
        of_labels.update(b"\xff");
    }
    of_labels.digest()
}

/// FNV-1a over the hash of the labels in decimal and the URL, as Prometheus computes it.
fn hash(of_labels: u64, url: &str) -> u64 {
    let mut hash = stdx::Fnv1a::new();
    hash.write(format!("{of_labels:016}").as_bytes());
    hash.write(url.as_bytes());
    hash.finish()
}
