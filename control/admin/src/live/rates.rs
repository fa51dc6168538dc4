//! How many items go over each edge in a second, from the books that the shards keep anyway.

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::metrics::{Snapshot, Value};
use serde_json::{Value as Json, json};

/// The books of edges, which `engine` keeps.
const ITEMS: &str = "invar_edge_items_total";

/// Counts of the window before.
pub(super) struct Rates {
    module: String,
    window: Duration,
    before: BTreeMap<(String, String), f64>,
}

impl Rates {
    pub fn new(module: String, window: Duration) -> Rates {
        Rates {
            module,
            window,
            before: BTreeMap::new(),
        }
    }

    pub fn window(&self) -> Duration {
        self.window
    }

    /// What went over the edges of the module since the last call, in the API's form.
    pub fn count(&mut self, shards: &[(usize, Snapshot)]) -> Json {
        let now = items(shards);
        let mut flows = Vec::new();
        for ((component, edge), count) in &now {
            let since = count
                - self
                    .before
                    .get(&(component.clone(), edge.clone()))
                    .unwrap_or(&0.0);
            let (module, local) = component.rsplit_once('/').unwrap_or(("", component));
            if since <= 0.0 || module != self.module {
                continue;
            }
            // An edge bears the node and the port behind it; that of a destination is no component.
            let Some((target, port)) = edge.rsplit_once('.') else {
                continue;
            };
            if !now.keys().any(|(id, _)| id == target) {
                continue;
            }
            let target = target.rsplit_once('/').map_or(target, |(_, local)| local);
            flows.push(json!({
                "componentID": local,
                "targetComponentIDs": [target],
                "type": kind(target, port),
                "rate": since / self.window.as_secs_f64(),
            }));
        }
        self.before = now;
        Json::Array(flows)
    }
}

/// The word for the signal, from the family of what takes it.
fn kind(target: &str, port: &str) -> &'static str {
    match target.split_once('.').map(|(family, _)| family) {
        Some("loki") => "loki_log",
        Some("otelcol") if port == "input" => "otel_trace",
        _ => "prometheus_metric",
    }
}

/// Items that were offered over each edge, of all shards.
fn items(shards: &[(usize, Snapshot)]) -> BTreeMap<(String, String), f64> {
    let mut sums = BTreeMap::new();
    for (_, snapshot) in shards {
        let Some(family) = snapshot.family(ITEMS) else {
            continue;
        };
        for sample in &family.samples {
            let label = |name: &str| {
                let found = sample.labels.iter().find(|(own, _)| own == name);
                found.map_or("", |(_, value)| value)
            };
            if let (Value::Number(number), "in") = (&sample.value, label("direction")) {
                let edge = (label("component_id").to_owned(), label("edge").to_owned());
                *sums.entry(edge).or_insert(0.0) += number;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use runtime::metrics::{Family, Kind, Sample};

    use super::*;

    fn shard(edges: &[(&str, &str, f64)]) -> (usize, Snapshot) {
        let samples = edges.iter().map(|(component, edge, count)| Sample {
            labels: vec![
                ("component_id".to_owned(), (*component).to_owned()),
                ("direction".to_owned(), "in".to_owned()),
                ("edge".to_owned(), (*edge).to_owned()),
            ],
            value: Value::Number(*count),
        });
        let family = Family {
            name: ITEMS.to_owned(),
            help: String::new(),
            kind: Kind::Counter,
            samples: samples.collect(),
        };
        let families = vec![family];
        (0, Snapshot { families })
    }

    #[test]
    fn rates_are_of_the_window_of_all_shards_and_of_one_module() {
        let mut rates = Rates::new(String::new(), Duration::from_secs(2));
        let edge = "prometheus.remote_write.w.receiver";
        let count = |first, second| {
            let out = ("prometheus.remote_write.w", "http://x", first);
            [
                shard(&[("prometheus.scrape.s", edge, first), out]),
                shard(&[
                    ("prometheus.scrape.s", edge, second),
                    ("m.o/a.b.c", edge, 9.0),
                ]),
            ]
        };
        rates.count(&count(1.0, 2.0));
        let shown = rates.count(&count(5.0, 4.0));
        let expect = json!([{
            "componentID": "prometheus.scrape.s",
            "targetComponentIDs": ["prometheus.remote_write.w"],
            "type": "prometheus_metric",
            "rate": 3.0,
        }]);
        assert_eq!(shown, expect);
        assert_eq!(rates.count(&count(5.0, 4.0)), json!([]));
    }
}
