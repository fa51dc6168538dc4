//! Packets of StatsD clients: no more samples than bytes, names that Prometheus takes.

use exporters::statsd::line::{Dialects, LineCounts, escape, parse};

pub fn check(bytes: &[u8]) {
    let all = Dialects {
        dogstatsd: true,
        influxdb: true,
        librato: true,
        signalfx: true,
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut counts = LineCounts::default();
        let events = parse(line, all, &mut counts);
        let errors: u64 = counts.errors.values().sum();
        assert!(events.len() <= line.len() && counts.samples <= line.len() as u64 + 1);
        assert!(
            events.len() as u64 <= counts.samples,
            "an event is of a sample"
        );
        assert!(
            line.is_empty() || errors > 0 || !events.is_empty(),
            "nothing is lost untold"
        );
        for event in &events {
            let name = escape(&event.name);
            assert!(!name.starts_with(|it: char| it.is_ascii_digit()));
            assert!(
                name.chars()
                    .all(|it| it.is_ascii_alphanumeric() || it == '_')
            );
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = exporters::statsd::mapping::Mappings::parse(text)
    {
        assert!(!error.is_empty());
    }
}
