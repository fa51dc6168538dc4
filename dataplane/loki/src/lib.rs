//! The loki family: sources of logs, their processing, the way to Loki.
//!
//! ```text
//! loki.source.* --> loki.relabel, loki.process --> loki.write
//!                                              \-> loki.echo
//! ```
//!
//! Entries move grouped by stream, as ranges of the text that arrived (`batch::LogsBatch`). Label
//! sets are shared: a source makes each once and keeps it while it is in use.

#![forbid(unsafe_code)]

mod clock;
mod cursors;
mod http;
mod outcomes;
#[cfg(test)]
mod testing;

engine::components![
    echo,
    enrich,
    process,
    relabel,
    secretfilter,
    source_api,
    source_awsfirehose,
    source_docker,
    source_file,
    source_gelf,
    source_heroku,
    source_syslog,
    write,
];
