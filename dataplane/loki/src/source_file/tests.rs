//! Files on a simulated disk, from their bytes to a sink.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::PlanNode;
use engine::testing::{Mood, SINK, TestShard, body, log_receivers, metric, node, sink, with_block};
use runtime::fs::{self, OpenOptions};
use runtime::sim::check;
use schema::{Body, Targets, Value};

use super::COMPONENT;

const NODE: &str = "loki.source.file.f";
const SINK_NODE: &str = "test.sink.out";
const LOG: &str = "/logs/app.log";

fn job_target(path: &str) -> schema::Target {
    schema::Target::new([("__path__", path), ("job", "j")])
}

fn target(path: &str) -> Value {
    Value::Targets(Targets::new(vec![job_target(path)]))
}

fn arguments<const N: usize>(path: &str, more: [(&str, Value); N]) -> Body {
    let mut arguments = body([
        ("targets", target(path)),
        ("forward_to", log_receivers(&[SINK_NODE])),
    ]);
    arguments.attributes.extend(body(more).attributes);
    arguments
}

fn source(arguments: Body) -> Arc<PlanNode> {
    node(&COMPONENT, NODE, arguments)
}

async fn started(arguments: Body) -> TestShard {
    let shard = TestShard::start();
    let nodes = [source(arguments), node(&SINK, SINK_NODE, body([]))];
    let errors = shard.apply(&nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

async fn append(path: &str, text: &[u8]) {
    let path = Path::new(path);
    let folder = path.parent().expect("a folder");
    fs::create_dir_all(folder).await.expect("a folder");
    let file = fs::open(path, &OpenOptions::create())
        .await
        .expect("a file");
    let end = file.len().expect("a length");
    file.write_at(text.to_vec(), end).await.0.expect("written");
}

async fn rename(from: &str, to: &str) {
    let renamed = fs::rename(Path::new(from), Path::new(to)).await;
    renamed.expect("renamed");
}

/// The lines that came since, once nothing comes any more; labels and times left out.
async fn lines() -> Vec<String> {
    runtime::sleep(Duration::from_secs(8)).await;
    let lines = sink(SINK_NODE).take();
    let of_line = |line: &String| {
        let (_, rest) = line.split_once("} ").expect("labels");
        rest.rsplit_once('@').expect("a time").0.to_owned()
    };
    lines.iter().map(of_line).collect()
}

#[test]
fn a_file_is_read_from_its_start_and_followed_line_by_line() {
    check(1, || async {
        append(LOG, b"one\ntwo\r\n").await;
        let shard = started(arguments(LOG, [])).await;
        runtime::sleep(Duration::from_secs(2)).await;
        let first = sink(SINK_NODE).lines.borrow()[0].clone();
        assert!(
            first.starts_with(r#"{filename="/logs/app.log", job="j"} one@"#),
            "{first}"
        );
        assert_eq!(lines().await, ["one", "two"]);
        append(LOG, b"three\nfour").await;
        assert_eq!(lines().await, ["three"]);
        append(LOG, b" more\n\nsix\n").await;
        assert_eq!(lines().await, ["four more", "", "six"]);
        let metrics = shard.metrics().await;
        let of = |name: &str| metric(&metrics, name, &[]);
        assert_eq!(of("loki_source_file_read_lines_total"), 6.0);
        assert_eq!(of("loki_source_file_read_bytes_total"), 30.0);
        assert_eq!(of("loki_source_file_files_active_total"), 1.0);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_those_between_are_found() {
    check(2, || async {
        append(LOG, b"one\n").await;
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one"]);
        append(LOG, b"two\nrest").await;
        // Three rotations between two looks.
        rename(LOG, "/logs/app.log.1").await;
        append(LOG, b"three\n").await;
        rename("/logs/app.log.1", "/logs/app.log.2").await;
        rename(LOG, "/logs/app.log.1").await;
        append(LOG, b"four\n").await;
        append("/logs/app.log.2.gz", b"packed\n").await;
        append("/logs/app.log.2", b" of it\n").await;
        assert_eq!(lines().await, ["two", "rest of it", "three", "four"]);
        append("/logs/app.log.1", b"late\n").await;
        append(LOG, b"five\n").await;
        assert_eq!(lines().await, ["five"], "and that one was closed");
    });
}

#[test]
fn the_last_line_of_a_file_that_lost_its_name_needs_no_end() {
    check(3, || async {
        append(LOG, b"one\nhalf").await;
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one"]);
        rename(LOG, "/elsewhere").await;
        append(LOG, b"new\n").await;
        assert_eq!(lines().await, ["half", "new"]);
    });
}

#[test]
fn a_file_that_is_cut_is_read_from_its_start_and_counted() {
    check(4, || async {
        append(LOG, b"one is longer\ntwo\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await.len(), 2);
        let file = fs::open(Path::new(LOG), &OpenOptions::update()).await;
        let file = file.expect("it is there");
        file.set_len(0).await.expect("cut");
        append(LOG, b"three\n").await;
        assert_eq!(lines().await, ["three"]);
        // Written anew, and longer than before between two looks.
        file.set_len(0).await.expect("cut");
        append(LOG, b"FOUR\nfive\n").await;
        assert_eq!(lines().await, ["FOUR", "five"]);
        let metrics = shard.metrics().await;
        let cut = metric(&metrics, "invar_source_file_truncations_total", &[]);
        assert_eq!(cut, 2.0);
    });
}

#[test]
fn after_a_stop_reading_goes_on_where_it_ended_even_in_a_renamed_file() {
    check(5, || async {
        append(LOG, b"one\ntwo\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one", "two"]);
        append(LOG, b"three\n").await;
        runtime::sleep(Duration::from_secs(2)).await;
        shard.drain().await;
        assert_eq!(lines().await, ["three"]);
        append(LOG, b"four\n").await;
        rename(LOG, "/logs/app.log.1").await;
        append(LOG, b"five\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["four", "five"]);
        shard.drain().await;
        let text = fs::read(Path::new("/storage/loki.source.file.f/positions.yml")).await;
        let text = String::from_utf8(text.expect("it is written")).expect("text");
        let expected = "positions:\n    ? path: \"/logs/app.log\"\n      labels: \
                        \"{job=\\\"j\\\"}\"\n    : \"5\"\n";
        assert_eq!(text, expected);
    });
}

#[test]
fn after_a_stop_a_file_that_was_empty_is_found_under_its_next_name() {
    check(5, || async {
        append(LOG, b"").await;
        let shard = started(arguments(LOG, [])).await;
        assert!(lines().await.is_empty());
        shard.drain().await;
        append(LOG, b"one\n").await;
        rename(LOG, "/logs/app.log.1").await;
        append(LOG, b"two\n").await;
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one", "two"]);
    });
}

#[test]
fn after_a_stop_files_behind_a_deleted_one_are_read() {
    check(5, || async {
        append(LOG, b"one\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one"]);
        shard.drain().await;
        runtime::sleep(Duration::from_secs(1)).await;
        rename(LOG, "/logs/app.log.2").await;
        append(LOG, b"two\n").await;
        rename(LOG, "/logs/app.log.1").await;
        append(LOG, b"three\n").await;
        fs::remove_file(Path::new("/logs/app.log.2"))
            .await
            .expect("removed");
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["two", "three"]);
    });
}

#[test]
fn after_a_stop_the_rest_of_a_file_is_found_in_its_copy() {
    check(5, || async {
        append(LOG, b"one\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one"]);
        shard.drain().await;
        append(LOG, b"two\n").await;
        append("/logs/app.log.1", b"one\ntwo\n").await;
        let file = fs::open(Path::new(LOG), &OpenOptions::update()).await;
        file.expect("it is there").set_len(0).await.expect("cut");
        append(LOG, b"three\n").await;
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["two", "three"]);
    });
}

#[test]
fn positions_of_the_reference_are_taken_over() {
    check(6, || async {
        append(LOG, b"one\ntwo\n").await;
        let text = b"positions:\n  ? path: /logs/app.log\n    labels: '{job=\"j\"}'\n  : \"4\"\n";
        append("/storage/loki.source.file.f/positions.yml", text).await;
        let _shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["two"]);
    });
}

#[test]
fn legacy_positions_are_by_path_and_bad_ones_are_told_what_to_do_with() {
    for (setting, offset, expected) in [
        ("skip", "4", &["two"][..]),
        ("skip", "bad", &[]),
        ("restart_from_end", "bad", &[]),
        ("restart_from_beginning", "bad", &["one", "two"]),
    ] {
        check(7, move || async move {
            append(LOG, b"one\ntwo\n").await;
            let text = format!("positions:\n  {LOG}: \"{offset}\"\n");
            append("/legacy.yml", text.as_bytes()).await;
            let settings = [
                ("legacy_positions_file", Value::string("/legacy.yml")),
                ("on_positions_file_error", Value::string(setting)),
            ];
            let _shard = started(arguments(LOG, settings)).await;
            assert_eq!(lines().await, expected, "{setting} {offset}");
        });
    }
}

#[test]
fn reading_may_begin_behind_the_last_line() {
    check(8, || async {
        append(LOG, b"one\ntwo\nthr").await;
        let end = ("tail_from_end", Value::from(true));
        let _shard = started(arguments(LOG, [end])).await;
        assert!(lines().await.is_empty());
        append(LOG, b"ee\n").await;
        assert_eq!(lines().await, ["three"]);
    });
}

#[test]
fn what_nobody_takes_is_offered_again_and_stays_unread_in_the_positions() {
    check(9, || async {
        append(LOG, b"one\n").await;
        sink(SINK_NODE).mood.set(Mood::Refuse);
        let shard = started(arguments(LOG, [])).await;
        assert!(lines().await.is_empty());
        shard.drain().await;
        let shard = started(arguments(LOG, [])).await;
        runtime::sleep(Duration::from_secs(1)).await;
        sink(SINK_NODE).mood.set(Mood::Take);
        assert_eq!(lines().await, ["one"]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn long_lines_are_taken_whole_up_to_the_limit_and_skipped_beyond() {
    check(10, || async {
        let long = "x".repeat(1 << 20);
        append(LOG, format!("{long}\n").as_bytes()).await;
        append(LOG, "y".repeat(9 << 20).as_bytes()).await;
        append(LOG, b"\nafter\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, [long.as_str(), "after"]);
        let metrics = shard.metrics().await;
        let reason = [("reason", "line_too_long")];
        let dropped = metric(&metrics, "invar_component_dropped_items_total", &reason);
        assert_eq!(dropped, 1.0);
        shard.verify_ledgers().await;
    });
}

#[test]
fn compressed_files_are_read_once_to_their_end() {
    let gzip = |text: &[u8]| {
        let level = flate2::Compression::default();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        std::io::Write::write_all(&mut encoder, text).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let bzip2 = |text: &[u8]| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let members = [gzip(b"one\ntw"), gzip(b"o\nlast")].concat();
    for (format, packed) in [("gz", members), ("bz2", bzip2(b"one\ntwo\nlast"))] {
        check(11, move || {
            let packed = packed.clone();
            async move {
                append(LOG, &packed).await;
                let archive = || {
                    body([
                        ("enabled", Value::from(true)),
                        ("format", Value::string(format)),
                    ])
                };
                let arguments = || with_block(arguments(LOG, []), "decompression", archive());
                let shard = started(arguments()).await;
                assert_eq!(lines().await, ["one", "two", "last"], "{format}");
                shard.drain().await;
                let _shard = started(arguments()).await;
                assert!(lines().await.is_empty(), "it was read");
            }
        });
    }
}

#[test]
fn targets_may_change_without_reading_again() {
    check(12, || async {
        append(LOG, b"one\n").await;
        append("/logs/b.log", b"two\n").await;
        let shard = started(arguments(LOG, [])).await;
        assert_eq!(lines().await, ["one"]);
        let both = ["/logs/b.log", LOG].map(job_target);
        let mut changed = arguments(LOG, []);
        changed.attributes[0].value = Value::Targets(Targets::new(both.to_vec()));
        let nodes = [source(changed), node(&SINK, SINK_NODE, body([]))];
        assert!(shard.apply(&nodes).await.is_empty());
        assert_eq!(lines().await, ["two"]);
        append(LOG, b"three\n").await;
        assert_eq!(lines().await, ["three"]);
    });
}
