//! The page of this machine, beside that of node_exporter where it is installed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::*;
use crate::tests::{on_real_control, scrape, start, start_with_block, texts};

#[test]
fn collectors_are_sorted_and_known_once() {
    let names = collectors::COLLECTORS.iter().map(|it| it.name);
    assert!(names.is_sorted_by(|a, b| a < b));
}

#[cfg(target_os = "linux")]
#[test]
fn collectors_are_those_that_are_set() {
    on_real_control(async || {
        let set = texts(&["loadavg", "uname", "time"]);
        let arguments = [
            ("set_collectors", set),
            ("disable_collectors", texts(&["time"])),
        ];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let page = scrape(&started.expect("it starts"), &[]).await;
        assert!(page.contains("\nnode_load1 "), "{page}");
        let success = "node_scrape_collector_success{collector=\"uname\"} 1\n";
        assert!(page.contains(success), "{page}");
        assert!(!page.contains("collector=\"time\""), "{page}");
        assert!(!page.contains("collector=\"cpu\""), "{page}");
    });
}

#[test]
fn a_pattern_that_is_none_is_refused() {
    let mut arguments = schema::Body::default();
    let netstat = eval::rig::block("netstat", [("fields", "(".into())]);
    arguments.blocks.push(netstat);
    let refusals = eval::rig::refusals_of(&COMPONENT, &arguments);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(
        refusals[0].contains("is no regular expression"),
        "{refusals:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_other_programs_are_added_and_bad_ones_told() {
    on_real_control(async || {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("a.prom", "# TYPE backup gauge\nbackup{of=\"db\"} 7\n");
        write("b.prom", "broken{");
        write("c.txt", "ignored 1\n");
        let path = folder.path().to_string_lossy().into_owned();
        let only = [("set_collectors", texts(&["textfile"]))];
        let block = ("textfile", [("directory", path.into())]);
        let started = start_with_block(&COMPONENT, only, block).await;
        let page = scrape(&started.expect("it starts"), &[]).await;
        assert!(
            page.contains("# TYPE backup gauge\nbackup{of=\"db\"} 7\n"),
            "{page}"
        );
        assert!(page.contains("# HELP backup Metric read from "), "{page}");
        assert!(page.contains("node_textfile_scrape_error 1\n"), "{page}");
        assert!(page.contains("a.prom\"} "), "{page}");
        assert!(!page.contains("ignored"), "{page}");
    });
}

/// Families of node_exporter 1.5 that later versions, which Alloy has, show otherwise: traffic is
/// read from `/proc/net/dev`, which has no such counter.
const ELSEWHERE: [&str; 1] = ["node_network_receive_nohandler_total"];

/// Names of families with their types.
fn families(page: &str) -> BTreeMap<String, String> {
    let mut families = BTreeMap::new();
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for (name, kind) in lines.filter_map(|line| line.split_once(' ')) {
        if name.starts_with("node_") {
            families.insert(name.to_owned(), kind.to_owned());
        }
    }
    families
}

/// A node_exporter on this machine.
struct NodeExporter {
    child: Child,
    address: String,
}

impl NodeExporter {
    /// None where it is not installed.
    fn start() -> Option<NodeExporter> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let child = Command::new("prometheus-node-exporter")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(NodeExporter { child, address })
    }

    fn page(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut page = String::new();
            let asked = TcpStream::connect(&self.address).and_then(|mut stream| {
                stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
                stream.read_to_string(&mut page)
            });
            if asked.is_ok() && page.contains("node_load1 ") {
                return page;
            }
            assert!(Instant::now() < deadline, "node_exporter does not answer");
            std::thread::yield_now();
        }
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        self.child.kill().expect("it runs until now");
        self.child.wait().expect("it has ended");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_family_of_node_exporter_is_missing() {
    let Some(reference) = NodeExporter::start() else {
        eprintln!("node_exporter is not installed, there is nothing to compare with");
        return;
    };
    on_real_control(async || {
        let block = ("cpu", [("guest", true.into())]);
        let started = start_with_block(&COMPONENT, [], block).await;
        let ours = scrape(&started.expect("it starts"), &[]).await;
        let theirs = reference.page();
        let (our_families, mut wanted) = (families(&ours), families(&theirs));
        wanted.retain(|name, _| !ELSEWHERE.contains(&name.as_str()));
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(name, kind)| our_families.get(*name) != Some(kind))
            .collect();
        assert!(
            missing.is_empty(),
            "missing or of another type: {missing:?}"
        );
        assert!(wanted.len() > 150, "only {} to compare with", wanted.len());
        compare_values(&ours, &theirs);
    });
}

/// Lines that do not change between two scrapes.
fn compare_values(ours: &str, theirs: &str) {
    let steady = [
        "node_boot_time_seconds ",
        "node_memory_MemTotal_bytes ",
        "node_memory_HugePages_Total ",
        "node_filefd_maximum ",
        "node_uname_info{",
        "node_network_mtu_bytes{",
        "node_network_protocol_type{",
        "node_network_flags{",
        "node_entropy_pool_size_bits ",
        "node_nf_conntrack_entries_limit ",
        "node_os_version{",
        "node_time_clocksource_current_info{",
    ];
    let mut compared = 0;
    for line in theirs.lines() {
        if !steady.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let wanted = labels(series);
        let same = ours.lines().filter_map(|it| it.rsplit_once(' '));
        let mut same = same.filter(|(series, _)| labels(series) == wanted);
        let found = same.next().unwrap_or_else(|| panic!("{series} is missing"));
        let number = |text: &str| text.parse::<f64>().expect("a number");
        assert_eq!(number(found.1), number(value), "{series}");
        compared += 1;
    }
    assert!(compared > 5, "only {compared} lines were compared");
}

/// Name and labels of a series in one order.
fn labels(series: &str) -> (&str, Vec<&str>) {
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    let mut labels: Vec<&str> = rest.trim_end_matches('}').split("\",").collect();
    for label in &mut labels {
        *label = label.trim_end_matches('"');
    }
    labels.sort_unstable();
    (name, labels)
}
