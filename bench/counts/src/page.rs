//! The page that is scraped: 1,000 series of 9 to 14 labels in 50 families, as a Kubernetes host
//! has them.

use std::fmt::Write;

use stdx::Rng;

pub const SERIES: usize = 1_000;
const FAMILIES: usize = 50;

/// What the target adds to every series.
pub const TARGET: [(&str, &str); 2] = [("instance", "10.12.0.7:9100"), ("job", "kubernetes-pods")];

const APPS: [&str; 8] = [
    "checkout",
    "frontend",
    "payment",
    "cart",
    "shipping",
    "coredns",
    "kube-proxy",
    "ingress-nginx",
];
const NAMESPACES: [&str; 4] = ["default", "kube-system", "monitoring", "shop-prod"];
/// The first one to six of these follow the labels that every series has.
const MORE: [(&str, &[&str]); 6] = [
    ("device", &["eth0", "nvme0n1", "sda", "lo", "veth3a4f1c2"]),
    ("mode", &["user", "system", "idle", "iowait", "steal"]),
    ("method", &["GET", "POST", "PUT", "LIST", "WATCH"]),
    ("code", &["200", "201", "404", "500", "503"]),
    (
        "handler",
        &["/api/v1/query", "/metrics", "/healthz", "/api/v1/pods"],
    ),
    (
        "image",
        &[
            "registry.example.com/web:v1.7.3",
            "registry.example.com/db:v2.0",
        ],
    ),
];

/// The page at its `n`-th scrape: the series are the same every time, most of the numbers are not.
pub fn render(n: u64) -> String {
    let mut shape = Rng::new(42);
    let mut numbers = Rng::new(n);
    let mut page = String::with_capacity(256 * 1024);
    for family in 0..FAMILIES {
        let counter = family % 5 < 3;
        let kind = if counter { "counter" } else { "gauge" };
        let name = format!("container_network_receive_{family}_total");
        let help = format!("Bytes received by the container, counted where it runs ({family}).");
        writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String");
        for index in 0..SERIES / FAMILIES {
            page.push_str(&name);
            labels(&mut page, &mut shape, index);
            let value = numbers.below(1_000_000_000);
            match index % 10 {
                9 => writeln!(page, " {}", family * index),
                _ if counter => writeln!(page, " {value}"),
                _ => writeln!(page, " {}.{:08}", value % 10_000, value / 17),
            }
            .expect("a String takes any text");
        }
    }
    page
}

fn labels(page: &mut String, shape: &mut Rng, index: usize) {
    let app = pick(shape, &APPS);
    let namespace = pick(shape, &NAMESPACES);
    let (pod, node) = (shape.below(1 << 20), shape.below(250));
    write!(
        page,
        "{{namespace=\"{namespace}\",pod=\"{app}-{pod:05x}-00000012-{index:05}\",\
         container=\"{app}\",node=\"ip-10-0-{}-{node}.ec2.internal\"",
        shape.below(4),
    )
    .expect("a String takes any text");
    let count = 1 + shape.below(MORE.len() as u64) as usize;
    for (name, values) in &MORE[..count] {
        write!(page, ",{name}=\"{}\"", pick(shape, values)).expect("a String takes any text");
    }
    page.push('}');
}

fn pick<'a>(shape: &mut Rng, texts: &[&'a str]) -> &'a str {
    texts[shape.below(texts.len() as u64) as usize]
}
