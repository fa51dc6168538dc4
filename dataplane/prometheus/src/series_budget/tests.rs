//! Budgets of series in front of a sink.

use std::time::Duration;

use engine::testing::{TestShard, body, metric, with_block};
use runtime::sim::check;
use schema::{Body, Value};

use crate::scrape::tests::{apply, scrape_with, taken};
use crate::testing::Exposer;

const SECOND: Duration = Duration::from_secs(1);
const NODE: &str = "prometheus.scrape.s";

fn page(series: impl IntoIterator<Item = (&'static str, u32)>) -> String {
    let line = |(team, pod)| format!("m{{pod=\"p{pod}\",team=\"{team}\"}} {}\n", pod + 1);
    series.into_iter().map(line).collect()
}

fn texts(texts: &[&str]) -> Value {
    Value::array(texts.iter().map(|text| Value::string(*text)))
}

/// What a scrape of a page gives under a budget, `up` left out.
async fn scraped(shard: &TestShard, exposer: &Exposer, budget: &Body) -> Vec<String> {
    let targets = Value::array([exposer.target()]);
    let scrape = scrape_with(targets, |arguments| {
        with_block(arguments, "series_budget", budget.clone())
    });
    apply(shard, scrape).await;
    runtime::sleep(SECOND * 10).await;
    lines()
}

fn lines() -> Vec<String> {
    let mut lines = taken(&[]);
    lines.retain(|line| !line.starts_with("up "));
    lines
}

#[test]
fn series_over_the_limit_are_refused_and_known_ones_go_on() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start(&page([("a", 0), ("a", 1), ("a", 2)]));
        let budget = body([("limit", Value::from(2u64))]);
        let first = ["m{pod=\"p0\",team=\"a\"} 1", "m{pod=\"p1\",team=\"a\"} 2"];
        assert_eq!(scraped(&shard, &exposer, &budget).await, first);
        exposer.show(&page([("a", 9), ("a", 0), ("a", 1)]));
        runtime::sleep(SECOND * 10).await;
        assert_eq!(lines(), first, "the known ones are not pushed out");
        // One goes: its marker, and from the next scrape on another one takes its place.
        exposer.show(&page([("a", 9), ("a", 1)]));
        runtime::sleep(SECOND * 20).await;
        assert_eq!(
            lines(),
            [
                "m{pod=\"p1\",team=\"a\"} 2",
                "m{pod=\"p0\",team=\"a\"} STALE",
                "m{pod=\"p9\",team=\"a\"} 10",
                "m{pod=\"p1\",team=\"a\"} 2",
            ]
        );
        let snapshot = shard.metrics().await;
        let refused = [("component_id", NODE), ("reason", "series_budget")];
        assert_eq!(
            metric(&snapshot, "invar_series_refused_total", &refused),
            3.0
        );
        let node = [("component_id", NODE)];
        assert_eq!(metric(&snapshot, "invar_series_budget_series", &node), 2.0);
        let offender = [("metric", "m"), ("tenant", "")];
        assert_eq!(
            metric(&snapshot, "invar_series_budget_offenders", &offender),
            3.0
        );
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_tenant_over_its_limit_leaves_the_others_their_own() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start(&page([("a", 0), ("a", 1), ("b", 2), ("a", 3)]));
        let budget = body([
            ("tenant_label", Value::string("team")),
            ("tenant_limit", Value::from(1u64)),
        ]);
        assert_eq!(
            scraped(&shard, &exposer, &budget).await,
            ["m{pod=\"p0\",team=\"a\"} 1", "m{pod=\"p2\",team=\"b\"} 3"]
        );
        let shown = shard.inspect(NODE).await.expect("it runs");
        let shown = shown
            .blocks
            .iter()
            .find(|block| block.name == "series_budget");
        let shown = &shown.expect("there is a budget").body;
        let of = |body: &Body, name: &str| body.attribute(name).map(|it| it.value.clone());
        assert_eq!(of(shown, "series"), Some(Value::from(2u64)));
        let names: Vec<_> = shown
            .blocks
            .iter()
            .map(|block| block.name.as_str())
            .collect();
        assert_eq!(names, ["tenant", "tenant", "offender"]);
        let offender = &shown.blocks[2].body;
        assert_eq!(of(offender, "tenant"), Some(Value::string("a")));
        assert_eq!(of(offender, "refused"), Some(Value::from(2u64)));
        // A higher limit counts at once, and what is there counts against it.
        let budget = body([
            ("tenant_label", Value::string("team")),
            ("tenant_limit", Value::from(2u64)),
        ]);
        let more = scraped(&shard, &exposer, &budget).await;
        assert_eq!(more.len(), 3, "{more:?}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn series_over_the_limit_go_on_without_a_label_one_sample_a_time() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start(&page([("a", 0), ("a", 1), ("a", 2)]));
        let budget = body([
            ("limit", Value::from(1u64)),
            ("action", Value::string("drop_label")),
            ("labels", texts(&["pod"])),
        ]);
        let expected = ["m{pod=\"p0\",team=\"a\"} 1", "m{team=\"a\"} 2"];
        assert_eq!(scraped(&shard, &exposer, &budget).await, expected);
        runtime::sleep(SECOND * 10).await;
        assert_eq!(lines(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn series_over_the_limit_are_summed_over_the_interval() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start(&page([("a", 0), ("a", 1), ("a", 2), ("b", 3)]));
        let budget = body([
            ("limit", Value::from(1u64)),
            ("action", Value::string("aggregate")),
            ("labels", texts(&["pod"])),
            ("interval", Value::string("10s")),
        ]);
        let mut lines = scraped(&shard, &exposer, &budget).await;
        runtime::sleep(SECOND / 10).await;
        lines.extend(self::lines());
        lines.sort();
        let sums = ["m{team=\"a\"} 5", "m{team=\"b\"} 4"];
        assert_eq!(lines, ["m{pod=\"p0\",team=\"a\"} 1", sums[0], sums[1]]);
        exposer.show(&page([("a", 0)]));
        runtime::sleep(SECOND * 30).await;
        let ended = self::lines();
        let stale = |line: &&String| line.contains("STALE");
        assert_eq!(ended.iter().filter(stale).count(), 2, "{ended:?}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn full_memory_refuses_new_series_only() {
    check(1, || async {
        let shard = TestShard::start_measured(probe);
        MEMORY.set(0);
        let exposer = Exposer::start(&page([("a", 0)]));
        let budget = body([]);
        let known = ["m{pod=\"p0\",team=\"a\"} 1"];
        assert_eq!(scraped(&shard, &exposer, &budget).await, known);
        MEMORY.set(900 << 20);
        exposer.show(&page([("a", 0), ("a", 1)]));
        runtime::sleep(SECOND * 10).await;
        assert_eq!(lines(), known);
        let snapshot = shard.metrics().await;
        let refused = [("component_id", NODE), ("reason", "memory_limit")];
        assert_eq!(
            metric(&snapshot, "invar_series_refused_total", &refused),
            1.0
        );
        MEMORY.set(0);
        runtime::sleep(SECOND * 10).await;
        assert_eq!(lines().len(), 2, "there is room again");
        shard.verify_ledgers().await;
    });
}

thread_local! {
    static MEMORY: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn probe() -> u64 {
    MEMORY.get()
}
