//! `/metrics`: the process, the control plane and all shards on one page.
//!
//! A family that Alloy has too is summed over the shards, so that dashboards see what they know;
//! ours (`invar_...`) are shown once a shard, with the label `shard`.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eval::{Page, PageRequest};
use formats::exposition::Writer;
use plan::Gone;
use runtime::metrics::{Family, Kind, Labels, Sample, Snapshot, Value, merge};

use crate::control::stopping;
use crate::{Server, process};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The beginning of the families that are shown once a shard.
const OURS: &str = "invar_";

/// The component that serves this page under its own path too.
const EXPORTER: &str = "prometheus.exporter.self";

pub(crate) async fn page(State(server): State<Server>) -> Response {
    match text(&server).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(gone) => stopping(gone),
    }
}

pub(crate) async fn text(server: &Server) -> Result<String, Gone> {
    let shards = server.handle.shard_metrics().await;
    let control = server.handle.metrics().await?;
    let mut snapshots: Vec<Snapshot> = shards
        .into_iter()
        .map(|(shard, snapshot)| labelled(shard, snapshot))
        .collect();
    let newest = newest(&snapshots);
    snapshots.push(control);
    snapshots.push(process::snapshot(server.build));
    let mut merged = merge(snapshots);
    for family in &mut merged.families {
        if let Some(samples) = newest.get(&family.name) {
            family.samples.clone_from(samples);
        }
    }
    Ok(written(&merged))
}

/// What a component serves as `{id}/metrics`.
pub(crate) async fn component(
    state: State<Server>,
    Path(path): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Some(id) = path.strip_suffix("/metrics") else {
        return not_found();
    };
    match state.handle.page(id).await {
        Ok(Some(page)) => return answer(&*page, query, &headers).await,
        Ok(None) => {}
        Err(gone) => return stopping(gone),
    }
    match state.handle.component(id).await {
        Ok(Some(detail)) if detail.view.name == EXPORTER => page(state).await,
        Ok(_) => not_found(),
        Err(gone) => stopping(gone),
    }
}

async fn answer(page: &dyn Page, query: Vec<(String, String)>, headers: &HeaderMap) -> Response {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let request = PageRequest {
        query,
        accept: header("accept"),
        timeout_seconds: header("x-prometheus-scrape-timeout-seconds"),
    };
    let answer = page.answer(request).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = [(header::CONTENT_TYPE, answer.content_type)];
    (status, content_type, answer.body).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

fn labelled(shard: usize, mut snapshot: Snapshot) -> Snapshot {
    for family in &mut snapshot.families {
        if !family.name.starts_with(OURS) {
            continue;
        }
        for sample in &mut family.samples {
            let at = sample
                .labels
                .partition_point(|(name, _)| name.as_str() < "shard");
            // What a shard counts about itself may bear its number already.
            if sample
                .labels
                .get(at)
                .is_none_or(|(name, _)| name != "shard")
            {
                sample
                    .labels
                    .insert(at, ("shard".to_owned(), shard.to_string()));
            }
        }
    }
    snapshot
}

/// Families of points in time, of which the sum over shards means nothing: the latest counts.
fn newest(shards: &[Snapshot]) -> BTreeMap<String, Vec<Sample>> {
    let mut newest: BTreeMap<String, BTreeMap<Labels, f64>> = BTreeMap::new();
    for family in shards.iter().flat_map(|snapshot| &snapshot.families) {
        if family.kind != Kind::Gauge || !family.name.contains("timestamp") {
            continue;
        }
        let values = newest.entry(family.name.clone()).or_default();
        for sample in &family.samples {
            if let Value::Number(number) = sample.value {
                let latest = values.entry(sample.labels.clone()).or_insert(number);
                *latest = latest.max(number);
            }
        }
    }
    let samples = |values: BTreeMap<Labels, f64>| {
        let sample = |(labels, number)| Sample {
            labels,
            value: Value::Number(number),
        };
        values.into_iter().map(sample).collect()
    };
    newest
        .into_iter()
        .map(|(name, values)| (name, samples(values)))
        .collect()
}

fn written(snapshot: &Snapshot) -> String {
    let mut page = Writer::new();
    for family in &snapshot.families {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        page.family(&family.name, kind, &family.help);
        for sample in &family.samples {
            write_sample(&mut page, family, sample);
        }
    }
    page.finish()
}

fn write_sample(page: &mut Writer, family: &Family, sample: &Sample) {
    let labels = || {
        sample
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    };
    let buckets = match &sample.value {
        Value::Number(number) | Value::Latest { value: number, .. } => {
            return page.sample(&family.name, labels(), *number);
        }
        Value::Buckets(buckets) => buckets,
    };
    let bucket = format!("{}_bucket", family.name);
    for (bound, count) in buckets.bounds.iter().zip(&buckets.counts) {
        write_bucket(page, &bucket, sample, &bound.to_string(), *count);
    }
    write_bucket(page, &bucket, sample, "+Inf", buckets.count);
    page.sample(&format!("{}_sum", family.name), labels(), buckets.sum);
    page.sample(
        &format!("{}_count", family.name),
        labels(),
        buckets.count as f64,
    );
}

fn write_bucket(page: &mut Writer, name: &str, sample: &Sample, bound: &str, count: u64) {
    let labels = sample
        .labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    page.sample(name, labels.chain([("le", bound)]), count as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(name: &str, kind: Kind, value: f64) -> Snapshot {
        let sample = Sample {
            labels: vec![("url".to_owned(), "u".to_owned())],
            value: Value::Number(value),
        };
        let (name, help) = (name.to_owned(), "h".to_owned());
        Snapshot {
            families: vec![Family {
                name,
                help,
                kind,
                samples: vec![sample],
            }],
        }
    }

    #[test]
    fn our_families_bear_the_shard_in_the_order_of_names() {
        let ours = labelled(3, snapshot("invar_x_total", Kind::Counter, 1.0));
        let labels = &ours.families[0].samples[0].labels;
        assert_eq!(labels[0], ("shard".to_owned(), "3".to_owned()));
        let theirs = labelled(3, snapshot("prometheus_x_total", Kind::Counter, 1.0));
        assert_eq!(theirs.families[0].samples[0].labels.len(), 1);
    }

    #[test]
    fn of_points_in_time_the_latest_counts() {
        let name = "prometheus_remote_storage_highest_timestamp_in_seconds";
        let shards = [
            snapshot(name, Kind::Gauge, 20.0),
            snapshot(name, Kind::Gauge, 10.0),
        ];
        assert_eq!(newest(&shards)[name][0].value, Value::Number(20.0));
        assert!(newest(&[snapshot("x_shards", Kind::Gauge, 1.0)]).is_empty());
    }
}
