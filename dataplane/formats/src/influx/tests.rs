//! Lines of every schema as metrics, and what is refused.

use batch::otlp::MetricData;

use super::*;

/// Names, kinds and numbers of points.
fn shown(body: &str) -> Result<Vec<String>, String> {
    let batch = decode(body.as_bytes(), 1, 7)?;
    let mut found = Vec::new();
    batch.metrics().for_each(|_, _, metric| {
        let metric = metric.get();
        let kind = match &metric.data {
            MetricData::Gauge(_) => "gauge".to_owned(),
            MetricData::Sum(_) => "sum".to_owned(),
            MetricData::Histogram(histogram) => {
                let point = histogram.points[0].get();
                format!("{:?} {:?}", point.bucket_counts, point.explicit_bounds)
            }
            data => format!("{data:?}"),
        };
        found.push(format!("{} {kind} {}", metric.name, metric.data.points()));
    });
    Ok(found)
}

#[test]
fn any_field_that_is_a_number_is_a_gauge() {
    let body =
        "# comment\n\ncpu\\ x,host=a\\ b u=1.5,n=3i,t=\"a \\\"b\\\"\",ok=true 1\ncpu\\ x n=4u";
    assert_eq!(shown(body).unwrap(), ["cpu x_u gauge 1", "cpu x_n gauge 2"]);
}

#[test]
fn telegrafs_schemas_of_prometheus_are_known() {
    assert_eq!(shown("up gauge=1 1").unwrap(), ["up gauge 1"]);
    assert_eq!(shown("requests counter=1 1").unwrap(), ["requests sum 1"]);
    assert_eq!(shown("prometheus up=1 1").unwrap(), ["up gauge 1"]);
    let one = "h count=5,sum=9,1=2,2.5=3 1";
    assert_eq!(shown(one).unwrap(), ["h [2, 1, 2] [1.0, 2.5] 1"]);
    let parts = "prometheus,le=1 h_bucket=2 1\nprometheus,le=+Inf h_bucket=5 1\n\
                 prometheus h_count=5,h_sum=9 1";
    assert_eq!(shown(parts).unwrap(), ["h [2, 3] [1.0] 1"]);
}

#[test]
fn what_is_no_line_is_refused_with_its_part_and_number() {
    for (body, error) in [
        ("a f=1 1\n,b=c f=1", "failed to parse measurement on line 1"),
        ("a,b f=1", "failed to parse tag on line 0"),
        ("a f=x", "failed to parse field on line 0"),
        ("a f=1 soon", "failed to parse timestamp on line 0"),
        (
            "a count=1i",
            "failed to append to the batch: unsupported histogram count value type",
        ),
    ] {
        assert_eq!(shown(body).unwrap_err(), error, "{body}");
    }
}
