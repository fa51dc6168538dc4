//! Samples of one batch as metrics of OTLP: by job and instance, scope and family.

use std::collections::HashMap;

use batch::otlp::{
    AnyValue, Attributes, Exemplar, ExemplarValue, Lazy, Number, OtlpBatch, OtlpSignal, Resource,
    ResourceGroup, Scope, ScopeGroup, Text, Tree,
};
use batch::{LabelsBuf, Metadata, MetricKind, MetricsBatch, SeriesId, SeriesTable};

use super::family::{Family, Part};

/// Metadata of metrics by name: scrapes tell it once in a while only.
#[derive(Debug, Default)]
pub struct Known(HashMap<String, Metadata>);

/// Limit: names whose metadata is remembered. Further ones are of unknown type.
const KNOWN_MAX: usize = 100_000;

impl Known {
    pub fn learn(&mut self, metadata: &[Metadata]) {
        for it in metadata {
            if self.0.len() < KNOWN_MAX || self.0.contains_key(&it.name) {
                self.0.insert(it.name.clone(), it.clone());
            }
        }
    }

    /// The metadata of a series' family, under the name that the metric gets.
    fn of(&self, name: &str) -> Metadata {
        let named = |it: &Metadata, name: &str| Metadata {
            name: name.to_owned(),
            ..it.clone()
        };
        if let Some(it) = own(name) {
            return it;
        }
        if let Some(it) = self.0.get(name) {
            return named(it, name);
        }
        let family = trimmed(name);
        match self.0.get(family) {
            Some(it) if it.kind == MetricKind::Counter => named(it, name),
            Some(it) => named(it, family),
            None => Metadata {
                name: name.to_owned(),
                kind: MetricKind::Unknown,
                help: String::new(),
                unit: String::new(),
            },
        }
    }
}

/// Metadata of what a scrape tells of itself.
fn own(name: &str) -> Option<Metadata> {
    let (help, unit) = match name {
        "up" => ("The scraping was successful", ""),
        "scrape_duration_seconds" => ("Duration of the scrape", "seconds"),
        "scrape_samples_scraped" => ("The number of samples the target exposed", ""),
        "scrape_series_added" => ("The approximate number of new series in this scrape", ""),
        "scrape_samples_post_metric_relabeling" => (
            "The number of samples remaining after metric relabeling was applied",
            "",
        ),
        _ => return None,
    };
    Some(Metadata {
        name: name.to_owned(),
        kind: MetricKind::Gauge,
        help: help.to_owned(),
        unit: unit.to_owned(),
    })
}

fn trimmed(name: &str) -> &str {
    const SUFFIXES: [&str; 6] = ["_bucket", "_count", "_sum", "_total", "_info", "_created"];
    let found = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    found.filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// The scope of all metrics whose series name none. Compat: the reference's own.
const SCOPE_NAME: &str = "otelcol/prometheusreceiver";
const SCOPE_VERSION: &str = "v1.18.0-devel";

const SCOPE_LABELS: [&str; 3] = [
    "otel_scope_name",
    "otel_scope_version",
    "otel_scope_schema_url",
];

/// Puts a batch together. Gives the points that could not be: their series name no job or instance,
/// or do not fit their family. Costs several copies of each label: what reads it again decodes it.
#[must_use]
pub fn to_points(batch: &MetricsBatch, table: &SeriesTable, known: &Known) -> (OtlpBatch, u64) {
    let mut gathering = Gathering {
        known,
        labels: LabelsBuf::new(),
        resources: Vec::new(),
        by_origin: HashMap::new(),
        left_out: 0,
    };
    for sample in &batch.samples {
        gathering.sample(table, sample);
    }
    for sample in &batch.histograms {
        gathering.histogram(table, sample);
    }
    for exemplar in &batch.exemplars {
        gathering.exemplar(table, exemplar);
    }
    let left_out = gathering.left_out;
    (gathering.finish(), left_out)
}

struct Gathering<'k> {
    known: &'k Known,
    labels: LabelsBuf,
    resources: Vec<Origin>,
    by_origin: HashMap<(String, String), usize>,
    left_out: u64,
}

/// What one job and instance has.
#[derive(Default)]
struct Origin {
    job: String,
    instance: String,
    info: Vec<(String, String)>,
    scopes: Vec<Library>,
    by_scope: HashMap<[String; 3], usize>,
}

#[derive(Default)]
struct Library {
    /// Name, version and schema.
    identity: [String; 3],
    attributes: Vec<(String, String)>,
    families: Vec<Family>,
    /// By name, and whether they are of native histograms.
    by_name: HashMap<(String, bool), usize>,
}

/// A family, the labels that tell its points apart, and the bucket or quantile of a series.
type Belonging<'f> = (&'f mut Family, Vec<(String, String)>, Option<String>);

impl Gathering<'_> {
    /// The origin of the series whose labels were read.
    fn origin(&mut self) -> Option<usize> {
        let job = self.labels.get("job").unwrap_or_default();
        let instance = self.labels.get("instance").unwrap_or_default();
        if job.is_empty() || instance.is_empty() {
            return None;
        }
        let key = (job.to_owned(), instance.to_owned());
        let next = self.resources.len();
        let at = *self.by_origin.entry(key).or_insert(next);
        if at == next {
            self.resources.push(Origin {
                job: job.to_owned(),
                instance: instance.to_owned(),
                ..Origin::default()
            });
        }
        Some(at)
    }

    fn library(&mut self, origin: usize) -> &mut Library {
        let identity = SCOPE_LABELS.map(|it| self.labels.get(it).unwrap_or_default().to_owned());
        let origin = &mut self.resources[origin];
        let next = origin.scopes.len();
        let at = *origin.by_scope.entry(identity.clone()).or_insert(next);
        if at == next {
            origin.scopes.push(Library {
                identity,
                ..Library::default()
            });
        }
        &mut origin.scopes[at]
    }

    /// Where the series of a name belongs whose labels were read.
    fn family(&mut self, name: &str, native: Option<&batch::Histogram>) -> Option<Belonging<'_>> {
        let origin = self.origin()?;
        let metadata = self.known.of(name);
        let key = (metadata.name.clone(), native.is_some());
        let labels = std::mem::take(&mut self.labels);
        self.labels.copy_from(&labels);
        let library = self.library(origin);
        let next = library.families.len();
        let at = match library.by_name.get(&key) {
            Some(at) => *at,
            None => {
                library.families.push(Family::new(metadata, native)?);
                library.by_name.insert(key, next);
                next
            }
        };
        let family = &mut library.families[at];
        let bound = family.bound_label();
        let told = labels.iter().filter(|(name, value)| {
            let other = matches!(
                *name,
                "__name__" | "job" | "instance" | "__scheme__" | "__metrics_path__"
            );
            !other && !SCOPE_LABELS.contains(name) && Some(*name) != bound && !value.is_empty()
        });
        let point = told
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let bound = bound.and_then(|bound| labels.get(bound)).map(str::to_owned);
        Some((family, point, bound))
    }

    fn read(&mut self, table: &SeriesTable, series: SeriesId) -> String {
        table.read_labels(series, &mut self.labels);
        self.labels.get("__name__").unwrap_or_default().to_owned()
    }

    fn sample(&mut self, table: &SeriesTable, sample: &batch::Sample) {
        let name = self.read(table, sample.series);
        if matches!(&*name, "target_info" | "otel_scope_info") {
            self.info(&name);
            return;
        }
        let taken = self
            .family(&name, None)
            .is_some_and(|(family, labels, bound)| {
                let part = Part {
                    name: &name,
                    time_ms: sample.timestamp_ms,
                    value: sample.value,
                    bound: bound.as_deref(),
                };
                family.add(labels, &part)
            });
        self.left_out += u64::from(!taken);
    }

    fn histogram(&mut self, table: &SeriesTable, sample: &batch::HistogramSample) {
        let name = self.read(table, sample.series);
        let native = Some(&*sample.histogram);
        let taken = self
            .family(&name, native)
            .is_some_and(|(family, labels, _)| {
                family.add_native(labels, sample.timestamp_ms, sample.histogram.clone())
            });
        self.left_out += u64::from(!taken);
    }

    fn exemplar(&mut self, table: &SeriesTable, exemplar: &batch::Exemplar) {
        let name = self.read(table, exemplar.series);
        if let Some((family, labels, _)) = self.family(&name, None) {
            family.add_exemplar(&labels, exemplar_of(exemplar));
        }
    }

    /// What tells of a resource or scope becomes their attributes.
    fn info(&mut self, name: &str) {
        let Some(origin) = self.origin() else {
            self.left_out += 1;
            return;
        };
        let pairs = self.labels.iter().filter(|(name, _)| {
            !matches!(*name, "__name__" | "job" | "instance") && !SCOPE_LABELS.contains(name)
        });
        let pairs: Vec<_> = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        match name {
            "target_info" => self.resources[origin].info = pairs,
            _ => self.library(origin).attributes = pairs,
        }
    }

    fn finish(self) -> OtlpBatch {
        let mut tree = Tree::default();
        for origin in self.resources {
            let resource = Lazy::new(origin.resource());
            let scopes = origin.scopes.into_iter().map(Library::finish).collect();
            tree.resources.push(ResourceGroup {
                resource,
                scopes,
                schema_url: Text::default(),
            });
        }
        tree.prune();
        if tree.is_empty() {
            return OtlpBatch::empty(OtlpSignal::Metrics);
        }
        tree.encode()
    }
}

fn put(attributes: &mut Attributes<'static>, pairs: Vec<(String, String)>) {
    for (name, value) in pairs {
        attributes.set(name, AnyValue::from(value));
    }
}

impl Origin {
    fn resource(&self) -> Resource<'static> {
        // Compat: the scheme of a target does not come with its samples.
        const SCHEME: &str = "http";
        let (host, port) = match self.instance.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (&*self.instance, ""),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut resource = Resource::default();
        let mut set = |key: &'static str, value: &str| {
            resource
                .attributes
                .set(key, AnyValue::from(value.to_owned()));
        };
        set("service.name", &self.job);
        if is_discernible(host) {
            set("net.host.name", host);
            set("server.address", host);
        }
        set("service.instance.id", &self.instance);
        set("net.host.port", port);
        set("http.scheme", SCHEME);
        set("server.port", port);
        set("url.scheme", SCHEME);
        put(&mut resource.attributes, self.info.clone());
        resource
    }
}

/// Whether a host is more than this machine or any.
fn is_discernible(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => !address.is_loopback() && !address.is_unspecified(),
        Err(_) => host != "localhost",
    }
}

impl Library {
    fn finish(self) -> ScopeGroup<'static, batch::otlp::Metric<'static>> {
        let [name, version, schema] = self.identity;
        let mut scope = match name.is_empty() && version.is_empty() {
            true => Scope {
                name: SCOPE_NAME.into(),
                version: SCOPE_VERSION.into(),
                ..Scope::default()
            },
            false => Scope {
                name: name.into(),
                version: version.into(),
                ..Scope::default()
            },
        };
        put(&mut scope.attributes, self.attributes);
        let metrics = self.families.into_iter().filter_map(Family::finish);
        ScopeGroup {
            scope: Lazy::new(scope),
            items: metrics.map(Lazy::new).collect(),
            schema_url: schema.into(),
        }
    }
}

fn exemplar_of(exemplar: &batch::Exemplar) -> Exemplar<'static> {
    let mut of = Exemplar {
        time_unix_nano: exemplar.timestamp_ms.wrapping_mul(1_000_000) as u64,
        value: ExemplarValue(Number::Double(exemplar.value)),
        ..Exemplar::default()
    };
    for (name, value) in exemplar.labels.iter() {
        let id = match name {
            "trace_id" => from_hex(value, 16),
            "span_id" => from_hex(value, 8),
            _ => None,
        };
        match (name, id) {
            ("trace_id", Some(id)) => of.trace_id = id.into(),
            ("span_id", Some(id)) => of.span_id = id.into(),
            _ => {
                let value = AnyValue::from(value.to_owned());
                of.filtered_attributes.set(name.to_owned(), value);
            }
        }
    }
    of
}

/// Bytes of an id; fewer digits than it has are its end.
fn from_hex(text: &str, len: usize) -> Option<Vec<u8>> {
    let text = format!("{text:0>width$}", width = len * 2);
    if text.len() != len * 2 || !text.is_ascii() {
        return None;
    }
    let pairs = (0..len).map(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok());
    pairs.collect()
}
