//! The otelcol family: OTLP in and out, processors, connectors, bridges.
//!
//! Requests move as the bytes that arrived (`batch::otlp`); who edits decodes what it touches.

#![forbid(unsafe_code)]

mod any_text;
mod envelope;
mod exporting;
mod flush;
mod matching;
#[cfg(test)]
mod metadata_tests;
mod ottl;
mod receiving;
mod settings;
#[cfg(test)]
mod stateful_tests;
mod status;
mod streams;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

engine::components![
    auth_basic,
    auth_bearer,
    auth_headers,
    auth_oauth2,
    auth_sigv4,
    connector_count,
    connector_host_info,
    connector_servicegraph,
    connector_spanlogs,
    connector_spanmetrics,
    exporter_debug,
    exporter_file,
    exporter_loadbalancing,
    exporter_loki,
    exporter_otlp,
    exporter_otlphttp,
    exporter_prometheus,
    faro_receiver,
    processor_attributes,
    processor_batch,
    processor_cumulativetodelta,
    processor_deltatocumulative,
    processor_discovery,
    processor_filter,
    processor_groupbyattrs,
    processor_interval,
    processor_memory_limiter,
    processor_metric_start_time,
    processor_probabilistic_sampler,
    processor_redaction,
    processor_resourcedetection,
    processor_span,
    processor_tail_sampling,
    processor_transform,
    receiver_filelog,
    receiver_fluentforward,
    receiver_influxdb,
    receiver_jaeger,
    receiver_loki,
    receiver_otlp,
    receiver_prometheus,
    receiver_splunkhec,
    receiver_syslog,
    receiver_tcplog,
    receiver_zipkin,
    storage_file,
];
