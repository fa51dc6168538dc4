//! The page of a target, made once: families, histograms, labels, and where digits change.

use std::io::Write;

use crate::random::Rng;

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    Target,
    Gen,
}
pub struct Slot {
    pub off: u32,
    pub kind: Kind,
    pub mul: u32,
    pub add: u32,
}
pub struct Template {
    pub body: Vec<u8>,
    pub slots: Vec<Slot>,
    pub series: usize,
}

const NAMES: &[&str] = &[
    "node_cpu_seconds",
    "node_memory_usage_bytes",
    "node_disk_io_time_seconds",
    "node_network_receive_bytes",
    "node_network_transmit_packets",
    "node_filesystem_avail_bytes",
    "container_cpu_usage_seconds",
    "container_memory_working_set_bytes",
    "container_fs_writes_bytes",
    "container_network_receive_errors",
    "kube_pod_container_status_restarts",
    "kube_pod_status_phase",
    "kube_deployment_status_replicas",
    "kube_node_status_condition",
    "http_requests",
    "http_response_size_bytes",
    "grpc_server_handled",
    "grpc_server_msg_received",
    "process_open_fds",
    "go_memstats_alloc_bytes",
    "apiserver_request",
    "etcd_disk_wal_fsync",
    "coredns_dns_responses",
    "kubelet_running_pods",
    "workqueue_depth",
];
const HIST: &[&str] = &[
    "http_request_duration_seconds",
    "grpc_server_handling_seconds",
    "apiserver_request_duration_seconds",
    "rest_client_request_latency_seconds",
];
const LE: &[&str] = &[
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
];
const NS: &[&str] = &[
    "default",
    "kube-system",
    "monitoring",
    "shop-prod",
    "shop-staging",
    "payments",
];
const APP: &[&str] = &[
    "checkout",
    "frontend",
    "payment",
    "cart",
    "shipping",
    "coredns",
    "kube-proxy",
    "ingress-nginx",
];

/// What shapes a page.
pub struct Shape {
    pub series: usize,
    /// distinct metric families
    pub names: usize,
    pub histograms: bool,
    /// a label of each series changes
    pub churn: bool,
}

/// A page that grows.
struct Page {
    body: Vec<u8>,
    slots: Vec<Slot>,
    rng: Rng,
    churn: bool,
}

pub fn template(shape: &Shape) -> Template {
    let mut page = Page {
        body: Vec::new(),
        slots: Vec::new(),
        rng: Rng(42),
        churn: shape.churn,
    };
    let mut left = shape.series;
    if shape.histograms {
        let sets = (shape.series / 3) / (LE.len() + 2);
        page.histograms(sets);
        left -= sets * (LE.len() + 2);
    }
    let families = shape.names.clamp(1, left.max(1));
    for index in 0..families {
        let count = left / (families - index);
        left -= count;
        page.family(index, count);
    }
    Template {
        body: page.body,
        slots: page.slots,
        series: shape.series,
    }
}

impl Page {
    /// Eight digits that change with each scrape.
    fn slot(&mut self, kind: Kind, mul: u32, add: u32) {
        slot(&mut self.body, &mut self.slots, kind, mul, add);
    }

    fn histograms(&mut self, sets: usize) {
        let per = sets.div_ceil(HIST.len()).max(1);
        let mut done = 0;
        for name in HIST {
            if done >= sets {
                break;
            }
            let _ = write!(
                self.body,
                "# HELP {name} Latency of the handled requests in seconds.\n\
                 # TYPE {name} histogram\n"
            );
            for _ in 0..per.min(sets - done) {
                self.histogram(name, done);
                done += 1;
            }
        }
    }

    fn histogram(&mut self, name: &str, index: usize) {
        let mut set = (Vec::new(), Vec::new());
        labels(&mut set.0, &mut set.1, &mut self.rng, index, self.churn);
        for (i, le) in LE.iter().enumerate() {
            self.series(name, "_bucket", &set);
            let _ = write!(self.body, ",le=\"{le}\"}} 1");
            self.slot(Kind::Counter, i as u32 + 1, i as u32);
            self.body.push(b'\n');
        }
        self.series(name, "_sum", &set);
        self.body.extend_from_slice(b"} 1");
        self.slot(Kind::Counter, 3, 1);
        self.body.extend_from_slice(b".25\n");
        self.series(name, "_count", &set);
        self.body.extend_from_slice(b"} 1");
        let buckets = LE.len() as u32;
        self.slot(Kind::Counter, buckets, buckets - 1);
        self.body.push(b'\n');
    }

    /// A name and the labels of its set, without the closing brace.
    fn series(&mut self, name: &str, suffix: &str, (labels, slots): &(Vec<u8>, Vec<Slot>)) {
        let _ = write!(self.body, "{name}{suffix}");
        let base = self.body.len() as u32;
        self.body.extend_from_slice(labels);
        let moved = slots.iter().map(|slot| Slot {
            off: slot.off + base,
            ..*slot
        });
        self.slots.extend(moved);
    }

    fn family(&mut self, index: usize, count: usize) {
        let counter = index % 5 < 3;
        let base = NAMES[index % NAMES.len()];
        let generation = match index / NAMES.len() {
            0 => String::new(),
            generation => format!("_{generation}"),
        };
        let name = format!("{base}{generation}{}", if counter { "_total" } else { "" });
        let kind = if counter { "counter" } else { "gauge" };
        let _ = write!(
            self.body,
            "# HELP {name} Help text of {base}, as long as such texts usually are.\n\
             # TYPE {name} {kind}\n"
        );
        for i in 0..count {
            self.body.extend_from_slice(name.as_bytes());
            labels(
                &mut self.body,
                &mut self.slots,
                &mut self.rng,
                i,
                self.churn,
            );
            self.body.extend_from_slice(b"} ");
            self.value(i, counter);
            self.body.push(b'\n');
        }
    }

    fn value(&mut self, index: usize, counter: bool) {
        let r = &mut self.rng;
        if index % 10 == 9 {
            // a tenth never changes
            let _ = write!(self.body, "{}", r.below(100000));
        } else if counter {
            let _ = write!(self.body, "{}", 1 + r.below(9));
            let (m, d) = (1 + r.below(50) as u32, r.below(1 << 20) as u32);
            self.slot(Kind::Counter, m, d);
        } else {
            let _ = write!(self.body, "{}.", 1 + r.below(9999));
            let (m, d) = (r.next() as u32 | 1, r.next() as u32);
            self.slot(Kind::Gauge, m, d);
        }
    }
}

fn slot(b: &mut Vec<u8>, s: &mut Vec<Slot>, kind: Kind, mul: u32, add: u32) {
    s.push(Slot {
        off: b.len() as u32,
        kind,
        mul,
        add,
    });
    b.extend_from_slice(b"00000000");
}
/// Labels without the closing brace; `idx` makes them unique within a family.
fn labels(b: &mut Vec<u8>, s: &mut Vec<Slot>, r: &mut Rng, idx: usize, churn: bool) {
    let app = r.pick(APP);
    let _ = write!(
        b,
        "{{namespace=\"{}\",pod=\"{app}-{}-",
        r.pick(NS),
        r.hex(5)
    );
    slot(b, s, Kind::Target, 0, 0);
    if churn {
        b.push(b'-');
        let ph = r.next() as u32;
        slot(b, s, Kind::Gen, 0, ph);
    }
    let _ = write!(
        b,
        "-{idx:05}\",container=\"{app}\",node=\"ip-10-0-{}-{}.ec2.internal\"",
        r.below(4),
        r.below(250)
    );
    let extra = r.below(6);
    for i in 0..=extra {
        let _ = match i {
            0 => write!(
                b,
                ",device=\"{}\"",
                r.pick(&["eth0", "nvme0n1", "sda", "lo", "veth3a4f1c2"])
            ),
            1 => write!(
                b,
                ",mode=\"{}\"",
                r.pick(&["user", "system", "idle", "iowait", "steal"])
            ),
            2 => write!(
                b,
                ",method=\"{}\"",
                r.pick(&["GET", "POST", "PUT", "LIST", "WATCH"])
            ),
            3 => write!(
                b,
                ",code=\"{}\"",
                r.pick(&["200", "201", "404", "500", "503"])
            ),
            4 => write!(
                b,
                ",handler=\"{}\"",
                r.pick(&["/api/v1/query", "/metrics", "/healthz", "/api/v1/pods"])
            ),
            _ => write!(
                b,
                ",image=\"registry.example.com/{app}:v1.{}.{}\"",
                r.below(30),
                r.below(10)
            ),
        };
    }
}
