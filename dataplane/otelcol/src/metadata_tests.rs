//! Metadata of requests, from the receiver through processors and the log to an exporter.

use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{AnyValue, Client as Sender, Metadata, OtlpBatch};
use engine::PlanNode;
use engine::testing::{TestShard, body, node, with_block};
use net::{
    BodyLimits, Client, ClientOptions, HeaderName, HeaderValue, Request, StatusCode, Target, header,
};
use runtime::sim::check;
use schema::{Argument, Body, Secret, Value};

use crate::settings::{ClientAuth, Handler, HeaderAction, HeaderRule, HeaderSource};
use crate::testing::{
    PATIENCE, SINK_NODE, address, feed, port, sink, sink_node, source, spans, to_sink,
};
use crate::{exporter_otlphttp, processor_attributes, processor_batch, receiver_otlp};

const PORT: u16 = 4318;
const RECEIVER: &str = "otelcol.receiver.otlp.in";

fn to(node: &str) -> Body {
    body([("traces", Value::array([port(node)]))])
}

fn receiver(output: Body) -> Arc<PlanNode> {
    let server = body([
        ("endpoint", Value::string(address(PORT).to_string())),
        ("include_metadata", Value::from(true)),
    ]);
    let arguments = with_block(body([]), "http", server);
    let arguments = with_block(arguments, "output", output);
    node(&receiver_otlp::COMPONENT, RECEIVER, arguments)
}

async fn post(tenant: &'static str) -> StatusCode {
    let target = format!("http://{}/v1/traces", address(PORT));
    let mut request = Request::post(
        &Target::parse(&target).expect("a URL"),
        spans(&["a"]).to_request(),
    );
    let kind = HeaderValue::from_static("application/x-protobuf");
    request.headers.insert(header::CONTENT_TYPE, kind);
    let name = HeaderName::from_static("x-tenant");
    request
        .headers
        .insert(name, HeaderValue::from_static(tenant));
    let client = Client::new(ClientOptions::new("test")).expect("plain options");
    let answer = client
        .send(&request, PATIENCE, BodyLimits::both(1 << 20))
        .await;
    answer.expect("an answer").head.status
}

fn from(tenant: &str, name: &'static str) -> OtlpBatch {
    let mut metadata = Metadata::default();
    metadata.add("X-Tenant", tenant.to_owned());
    metadata.add("other", "dropped".to_owned());
    spans(&[name]).from_client(Some(Sender::with_metadata(metadata)))
}

/// The tenant that a batch says it is of.
fn tenant(batch: &OtlpBatch) -> Option<String> {
    let client = batch.client()?;
    client.metadata.get("x-tenant").first().cloned()
}

#[test]
fn what_is_known_of_the_sender_becomes_attributes() {
    check(1, || async {
        let id = "otelcol.processor.attributes.a";
        let set = |key: &str, from: &str| {
            body([
                ("key", Value::string(key)),
                ("action", Value::string("upsert")),
                ("from_context", Value::string(from)),
            ])
        };
        let mut arguments = with_block(body([]), "output", to_sink());
        for (key, from) in [
            ("tenant", "metadata.X-Tenant"),
            ("plain", "x-tenant"),
            ("address", "client.address"),
            ("none", "metadata.nobody"),
        ] {
            arguments = with_block(arguments, "action", set(key, from));
        }
        let shard = TestShard::start();
        let attributes = node(&processor_attributes::COMPONENT, id, arguments);
        let nodes = [receiver(to(id)), attributes, sink_node()];
        assert!(shard.apply(&nodes).await.is_empty());
        assert_eq!(post("blue").await.as_u16(), 200);
        let batches = sink().batches.take();
        let mut tree = batches[0].spans();
        let span = tree.resources[0].scopes[0].items[0].get_mut();
        for (key, expected) in [
            ("tenant", Some("blue")),
            ("plain", Some("blue")),
            ("address", Some("127.0.0.1")),
            ("none", None),
        ] {
            let expected = expected.map(AnyValue::from);
            assert_eq!(span.attributes.get(key), expected.as_ref(), "{key}");
        }
    });
}

fn batching(count_max: i64) -> [Arc<PlanNode>; 3] {
    let id = "otelcol.processor.batch.b";
    let arguments = body([
        ("metadata_keys", Value::array([Value::string("X-Tenant")])),
        ("metadata_cardinality_limit", Value::from(count_max)),
        ("timeout", Value::string("1s")),
    ]);
    let arguments = with_block(arguments, "output", to_sink());
    let batching = node(&processor_batch::COMPONENT, id, arguments);
    [source(id), batching, sink_node()]
}

#[test]
fn each_tenant_has_batches_of_its_own_that_say_whose_they_are() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(shard.apply(&batching(2)).await.is_empty());
        for (of, name) in [("blue", "a"), ("red", "b"), ("blue", "c")] {
            assert_eq!(feed(from(of, name)).await, Ok(()), "by the log");
        }
        let nack = feed(from("green", "d")).await.unwrap_err();
        assert!(!nack.retryable, "a tenant too many");
        runtime::sleep(Duration::from_secs(3)).await;
        let batches = sink().batches.take();
        let mut got: Vec<_> = batches
            .iter()
            .map(|batch| {
                (
                    tenant(batch).expect("a tenant"),
                    crate::testing::span_names(batch),
                )
            })
            .collect();
        got.sort();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected: [(String, Vec<String>); 2] = [
            ("blue".to_owned(), names(&["a", "c"])),
            ("red".to_owned(), names(&["b"])),
        ];
        assert_eq!(got, expected);
        let client = batches[0].client().expect("a client");
        assert!(client.metadata.get("other").is_empty(), "only the keys");
    });
}

fn exporter() -> Arc<PlanNode> {
    let rule = |key: &str, value| HeaderRule {
        key: key.to_owned(),
        action: HeaderAction::Upsert,
        value,
    };
    let rules = vec![
        rule("X-Tenant", HeaderSource::Context("x-tenant".to_owned())),
        rule("X-Fixed", HeaderSource::Value(Secret::new("fixed"))),
    ];
    let handler = Handler::auth(Some(ClientAuth::Headers(rules)), None);
    let client = body([
        (
            "endpoint",
            Value::string(format!("http://{}", address(PORT))),
        ),
        ("auth", handler.to_value()),
    ]);
    let retry = body([("initial_interval", Value::string("100ms"))]);
    let arguments = with_block(body([]), "client", client);
    let arguments = with_block(arguments, "retry_on_failure", retry);
    let id = "otelcol.exporter.otlphttp.out";
    node(&exporter_otlphttp::COMPONENT, id, arguments)
}

#[test]
fn headers_of_the_sender_go_on_with_its_data_through_the_log_too() {
    check(1, || async {
        let exporter = exporter();
        let shard = TestShard::start();
        let away = [source(&exporter.id), exporter.clone()];
        assert!(shard.apply(&away).await.is_empty());
        assert_eq!(feed(from("blue", "a")).await, Ok(()), "by the log");
        let back = [
            source(&exporter.id),
            exporter,
            receiver(to(SINK_NODE)),
            sink_node(),
        ];
        assert!(shard.apply(&back).await.is_empty());
        runtime::sleep(Duration::from_secs(30)).await;
        assert_eq!(feed(from("red", "b")).await, Ok(()), "from memory");
        let batches = sink().batches.take();
        let got: Vec<_> = batches
            .iter()
            .map(|it| tenant(it).expect("a tenant"))
            .collect();
        assert_eq!(got, ["blue", "red"]);
        let client = batches[0].client().expect("a client");
        assert_eq!(client.metadata.get("x-fixed"), ["fixed"]);
        shard.verify_ledgers().await;
    });
}
