//! Node exporter scraped, Prometheus filled: what the target exposed is found by a query.

use std::process::Command;
use std::time::Duration;

use tests::invar::Invar;
use tests::packages::{Server, program};
use tests::{eventually, free_port, http};

#[test]
fn prometheus_holds_every_series_that_node_exporter_exposed() {
    let node = node_exporter();
    let prometheus = prometheus();
    // As a scraper asks: OpenMetrics writes some label values in another way than the plain text.
    let accept = [("Accept", "application/openmetrics-text;version=1.0.0")];
    let exposed = http::send(node.port, "GET", "/metrics", &accept, &[]).expect("it answers");
    let exposed = series_names(&exposed.text());
    assert!(
        exposed.len() > 300,
        "node exporter exposes little: {}",
        exposed.len()
    );
    let config = format!(
        r#"
        prometheus.scrape "node" {{
            targets         = [{{ "__address__" = "127.0.0.1:{}", "job" = "node" }}]
            forward_to      = [prometheus.relabel.mark.receiver]
            scrape_interval = "1s"
            scrape_timeout  = "900ms"
        }}
        prometheus.relabel "mark" {{
            forward_to = [prometheus.remote_write.out.receiver]
            rule {{
                target_label = "through"
                replacement  = "invar"
            }}
        }}
        prometheus.remote_write "out" {{
            endpoint {{ url = "http://127.0.0.1:{}/api/v1/write" }}
        }}
        "#,
        node.port, prometheus.port
    );
    let mut invar = Invar::start(&config);
    let stored = eventually("Prometheus has the series", Duration::from_secs(30), || {
        let stored = query(prometheus.port, "{job=\"node\",through=\"invar\"}");
        (stored.len() >= exposed.len()).then_some(stored)
    });
    let mut missing = Vec::new();
    for (name, value) in &exposed {
        // Values that move between two scrapes are checked for presence, the others exactly.
        let found = stored
            .iter()
            .any(|(series, got)| series == name && (got == value || moves(name)));
        if !found {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "not in Prometheus as exposed: {missing:?}"
    );
    assert!(invar.stop().success());
}

/// Gauges and counters of a live machine; everything else (info, limits, sizes) holds still for a
/// test's time.
fn moves(series: &str) -> bool {
    const STILL: [&str; 6] = [
        "_info",
        "_max",
        "node_cpu_online",
        "node_boot_time",
        "_size_bytes",
        "_total_bytes",
    ];
    !STILL.iter().any(|part| {
        series
            .split('{')
            .next()
            .is_some_and(|name| name.ends_with(part))
    })
}

fn node_exporter() -> Server {
    let port = free_port();
    let mut command = Command::new(program(
        "prometheus-node-exporter",
        "prometheus-node-exporter",
    ));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Server::start(&mut command, port, "/metrics")
}

fn prometheus() -> Server {
    let port = free_port();
    let dir = tempfile::tempdir().expect("a scratch folder").keep();
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, "global: {}\n").expect("the scratch folder is writable");
    let mut command = Command::new(program("prometheus", "prometheus"));
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!(
        "--storage.tsdb.path={}",
        dir.join("data").display()
    ));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.arg("--web.enable-remote-write-receiver");
    Server::start(&mut command, port, "/-/ready")
}

/// Series of an exposition, as canonical text with labels sorted, and their values.
fn series_names(text: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let line = line
            .split(" # ")
            .next()
            .expect("split gives one part at least");
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        found.push((
            canonical(series),
            value.parse().expect("a value is a number"),
        ));
    }
    found
}

/// `name{b="2",a="1"}` with its labels sorted.
fn canonical(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else {
        return series.to_owned();
    };
    let inner = labels.trim_end_matches('}').trim_end_matches(',');
    let mut labels: Vec<String> = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    let bytes = inner.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if at == 0 || bytes[at - 1] != b'\\' => quoted = !quoted,
            b',' if !quoted => {
                labels.push(inner[start..at].to_owned());
                start = at + 1;
            }
            _ => {}
        }
    }
    labels.push(inner[start..].to_owned());
    // A label without a value is no label.
    labels.retain(|label| !label.is_empty() && !label.ends_with("=\"\""));
    labels.iter_mut().for_each(normalise_bound);
    labels.sort();
    if labels.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", labels.join(","))
    }
}

/// Prometheus 3 and Alloy write whole numbers in `le` and `quantile` with a fraction: `1` becomes
/// `1.0`.
fn normalise_bound(label: &mut String) {
    let bound = label
        .strip_prefix("quantile=")
        .or(label.strip_prefix("le="));
    let digits = bound.map(|text| text.trim_matches('"'));
    if digits.is_some_and(|digits| digits.parse::<i64>().is_ok()) {
        label.truncate(label.len() - 1);
        label.push_str(".0\"");
    }
}

/// The instant vector of `selector`, less the labels that the gateway added.
fn query(port: u16, selector: &str) -> Vec<(String, f64)> {
    let encoded: String = selector
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let path = format!("/api/v1/query?query={encoded}");
    let answer = http::get(port, &path).expect("Prometheus answers").text();
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("Prometheus answers JSON");
    let mut found = Vec::new();
    for result in answer["data"]["result"].as_array().expect("a vector") {
        let metric = result["metric"].as_object().expect("labels");
        let name = metric["__name__"].as_str().expect("a name");
        let mut labels = Vec::new();
        for (key, value) in metric {
            if !["__name__", "job", "instance", "through"].contains(&key.as_str()) {
                labels.push(format!("{key}={value}"));
            }
        }
        labels.sort();
        let series = if labels.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{{{}}}", labels.join(","))
        };
        let value = result["value"][1]
            .as_str()
            .expect("a value")
            .parse()
            .expect("a number");
        found.push((series, value));
    }
    found
}
