//! Batches through the exporter to files of a simulated disk.

use std::path::Path;

use engine::testing::{TestShard, body, node, with_block};
use net::codec::Codec;
use runtime::sim::check;
use schema::{Body, Value};

use crate::testing::{feed, source, spans};

const NODE: &str = "otelcol.exporter.file.out";

/// A shard with a source in front of the exporter.
async fn started(arguments: Body) -> TestShard {
    let shard = TestShard::start();
    let exporter = node(&super::COMPONENT, NODE, arguments);
    let errors = shard.apply(&[exporter, source(NODE)]).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

fn read(text: Vec<u8>) -> String {
    String::from_utf8(text).expect("JSON is text")
}

async fn content(path: &str) -> Vec<u8> {
    runtime::fs::read(Path::new(path))
        .await
        .expect("the file is there")
}

#[test]
fn batches_are_lines_of_json() {
    check(1, || async {
        let shard = started(body([("path", Value::string("/out.json"))])).await;
        for name in ["a", "b"] {
            feed(spans(&[name])).await.expect("it is written");
        }
        let text = read(content("/out.json").await);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].starts_with("{\"resourceSpans\":["), "{text}");
        assert!(lines[1].contains("\"name\":\"b\""), "{text}");
        shard.drain().await;
    });
}

#[test]
fn packed_messages_stand_behind_their_lengths() {
    check(1, || async {
        let arguments = body([
            ("path", Value::string("/out.zst")),
            ("format", Value::string("proto")),
            ("compression", Value::string("zstd")),
        ]);
        let shard = started(arguments).await;
        let batch = spans(&["a"]);
        feed(batch.clone()).await.expect("it is written");
        let file = content("/out.zst").await;
        let (len, message) = file.split_first_chunk().expect("four bytes of length");
        assert_eq!(u32::from_be_bytes(*len) as usize, message.len());
        let plain = Codec::Zstd.unpack(message, 1 << 20).expect("it is packed");
        assert_eq!(plain, batch.to_request());
        shard.drain().await;
    });
}

#[test]
fn resources_go_to_the_files_that_they_name() {
    check(1, || async {
        let grouping = body([
            ("enabled", Value::from(true)),
            ("resource_attribute", Value::string("service.name")),
        ]);
        let arguments = body([("path", Value::string("/by/*/out.json"))]);
        let shard = started(with_block(arguments, "group_by", grouping)).await;
        feed(spans(&["a"])).await.expect("it is written");
        let text = read(content("/by/shop/out.json").await);
        assert!(text.contains("\"name\":\"a\""), "{text}");
        shard.drain().await;
    });
}

#[test]
fn a_full_file_becomes_an_old_one() {
    check(1, || async {
        let rotation = body([("max_megabytes", Value::from(1))]);
        let arguments = body([("path", Value::string("/logs/out.json"))]);
        let shard = started(with_block(arguments, "rotation", rotation)).await;
        let long: &'static str = Box::leak("x".repeat(700 << 10).into_boxed_str());
        for _ in 0..2 {
            feed(spans(&[long])).await.expect("it is written");
        }
        let listed = runtime::fs::read_dir(Path::new("/logs"))
            .await
            .expect("a folder");
        let names: Vec<&str> = listed.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            names[0].starts_with("out-") && names[0].ends_with(".json"),
            "{names:?}"
        );
        shard.drain().await;
    });
}
