//! The page that is scraped: 1,000 series of about ten labels in 50 families, as a Kubernetes host
//! has them.

use std::fmt::Write;

use stdx::Rng;

pub const SERIES: usize = 1_000;
const FAMILIES: usize = 50;

/// The page at its `n`-th scrape: the series are the same every time, the numbers are not.
pub fn render(n: u64) -> String {
    let mut shape = Rng::new(42);
    let mut numbers = Rng::new(n);
    let mut page = String::with_capacity(256 * 1024);
    for family in 0..FAMILIES {
        let kind = if family % 3 == 0 { "gauge" } else { "counter" };
        let name = format!("container_network_receive_{family}_total");
        writeln!(
            page,
            "# HELP {name} Bytes received by the container, counted where it runs."
        )
        .expect("a String takes any text");
        writeln!(page, "# TYPE {name} {kind}").expect("a String takes any text");
        for index in 0..SERIES / FAMILIES {
            page.push_str(&name);
            labels(&mut page, &mut shape, family * 100 + index);
            let value = numbers.below(100_000_000);
            match kind {
                "gauge" => writeln!(page, " {}.{:02}", value / 1000, value % 100),
                _ => writeln!(page, " {value}"),
            }
            .expect("a String takes any text");
        }
    }
    page
}

/// What the target adds to every series.
pub const TARGET: [(&str, &str); 2] = [("instance", "10.12.0.7:9100"), ("job", "kubernetes-pods")];

fn labels(page: &mut String, shape: &mut Rng, index: usize) {
    let app = ["checkout", "frontend", "payment", "ingress-nginx"][shape.below(4) as usize];
    let namespace = ["default", "kube-system", "monitoring", "shop-prod"][shape.below(4) as usize];
    let pod = shape.below(1 << 20);
    write!(
        page,
        "{{namespace=\"{namespace}\",pod=\"{app}-{pod:05x}-{index:05}\",container=\"{app}\",\
         node=\"ip-10-0-{}-{}.ec2.internal\",device=\"{}\",mode=\"{}\",code=\"{}\"}}",
        shape.below(4),
        shape.below(250),
        ["eth0", "nvme0n1", "sda", "lo"][shape.below(4) as usize],
        ["user", "system", "idle", "iowait"][shape.below(4) as usize],
        ["200", "201", "404", "503"][shape.below(4) as usize],
    )
    .expect("a String takes any text");
}
