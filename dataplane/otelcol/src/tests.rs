//! From the receiver's sockets through exporters to a second receiver, and what happens when the
//! destination is away.

use std::sync::Arc;
use std::time::Duration;

use batch::otlp::OtlpSignal;
use engine::PlanNode;
use engine::testing::{TestShard, body, node, with_block};
use formats::otlp_json;
use net::codec::Codec;
use net::grpc::{self, Code, Status};
use net::{BodyLimits, Client, ClientOptions, HeaderValue, Request, Response, Target, header};
use runtime::sim::check;
use schema::{Body, Value};

use crate::testing::{
    PATIENCE, SINK_NODE, address, feed, port, sink, sink_node, source, spans, to_sink,
};
use crate::{exporter_otlp, exporter_otlphttp, processor_batch, receiver_otlp};

const GRPC_PORT: u16 = 4317;
const HTTP_PORT: u16 = 4318;

fn server(port: u16) -> Body {
    body([("endpoint", Value::string(address(port).to_string()))])
}

fn receiver(output: Body) -> Arc<PlanNode> {
    let arguments = with_block(body([]), "grpc", server(GRPC_PORT));
    let arguments = with_block(arguments, "http", server(HTTP_PORT));
    let arguments = with_block(arguments, "output", output);
    node(
        &receiver_otlp::COMPONENT,
        "otelcol.receiver.otlp.in",
        arguments,
    )
}

fn limits() -> BodyLimits {
    BodyLimits::both(1 << 20)
}

async fn post(path: &str, kind: &'static str, encoding: &'static str, body: Vec<u8>) -> Response {
    let target = format!("http://{}{path}", address(HTTP_PORT));
    let target = Target::parse(&target).expect("a URL");
    let mut request = Request::post(&target, bytes::Bytes::from(body));
    let kind = HeaderValue::from_static(kind);
    request.headers.insert(header::CONTENT_TYPE, kind);
    let encoding = HeaderValue::from_static(encoding);
    request.headers.insert(header::CONTENT_ENCODING, encoding);
    let client = Client::new(ClientOptions::new("test")).expect("plain options");
    let answer = client.send(&request, PATIENCE, limits()).await;
    answer.expect("an answer")
}

async fn call(path: &str, message: &[u8], codec: Option<Codec>) -> Status {
    let target = format!("http://{}{path}", address(GRPC_PORT));
    let target = Target::parse(&target).expect("a URL");
    let message = bytes::Bytes::copy_from_slice(message);
    let framed = grpc::frame(&[message], codec).expect("memory");
    let mut request = Request::post(&target, framed);
    request
        .headers
        .insert(header::CONTENT_TYPE, grpc::CONTENT_TYPE);
    if let Some(codec) = codec {
        let name = HeaderValue::from_static(codec.name());
        request.headers.insert(grpc::GRPC_ENCODING, name);
    }
    let mut options = ClientOptions::new("test");
    options.http2_only = true;
    let client = Client::new(options).expect("plain options");
    let answer = client.send(&request, PATIENCE, limits()).await;
    let head = answer.expect("an answer").head;
    Status::of(head.status, &head.headers, &head.trailers)
}

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn request(names: &[&'static str]) -> Vec<u8> {
    spans(names).to_request().to_vec()
}

#[test]
fn what_comes_over_http_goes_on_whatever_its_encoding() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(
            shard
                .apply(&[receiver(to_sink()), sink_node()])
                .await
                .is_empty()
        );
        let proto = "application/x-protobuf";
        for (name, codec) in [("gzip", Codec::Gzip), ("zstd", Codec::Zstd)] {
            let plain = request(&["packed"]);
            let packed = codec.pack(std::iter::once(&*plain), None).expect("memory");
            let answer = post("/v1/traces", proto, name, packed).await;
            assert_eq!(answer.head.status.as_u16(), 200);
        }
        let json = otlp_json::encode(OtlpSignal::Traces.request(), &request(&["json"]));
        let json = json.expect("valid");
        let answer = post("/v1/traces", "application/json", "", json).await;
        assert_eq!(answer.body, b"{\"partialSuccess\":{}}");
        assert_eq!(sink().take_spans(), [["packed"], ["packed"], ["json"]]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_comes_over_grpc_goes_on() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(
            shard
                .apply(&[receiver(to_sink()), sink_node()])
                .await
                .is_empty()
        );
        for codec in [None, Some(Codec::Gzip)] {
            let status = call(TRACES, &request(&["a"]), codec).await;
            assert_eq!(status, Status::new(Code::Ok, ""));
        }
        assert_eq!(sink().take_spans(), [["a"], ["a"]]);
    });
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(
            shard
                .apply(&[receiver(to_sink()), sink_node()])
                .await
                .is_empty()
        );
        let status = call(TRACES, b"zzz", None).await;
        assert_eq!(status.code, Code::InvalidArgument);
        let status = call(TRACES, &vec![0; (4 << 20) + 1], None).await;
        assert_eq!(status.code, Code::ResourceExhausted);
        assert!(
            status.message.contains("(4194305 vs. 4194304)"),
            "{}",
            status.message
        );
        let status = call("/some.Service/Export", b"", None).await;
        let expected = Status::new(Code::Unimplemented, "unknown service some.Service");
        assert_eq!(status, expected);
        let answer = post("/v1/traces", "application/x-protobuf", "br", Vec::new()).await;
        assert_eq!(answer.head.status.as_u16(), 400);
        let bomb = Codec::Zstd.pack(std::iter::once(&[0; 30 << 20][..]), None);
        let bomb = bomb.expect("memory");
        let answer = post("/v1/traces", "application/x-protobuf", "zstd", bomb).await;
        assert_eq!(answer.head.status.as_u16(), 400);
        assert!(sink().batches.borrow().is_empty());
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_signal_that_nobody_takes_is_not_served() {
    check(1, || async {
        let output = body([("logs", Value::array([port(SINK_NODE)]))]);
        let shard = TestShard::start();
        assert!(
            shard
                .apply(&[receiver(output), sink_node()])
                .await
                .is_empty()
        );
        let status = call(TRACES, &request(&["a"]), None).await;
        assert_eq!(status.code, Code::Unimplemented);
        let answer = post("/v1/traces", "application/x-protobuf", "", request(&["a"])).await;
        assert_eq!(answer.head.status.as_u16(), 404);
    });
}

#[test]
fn a_refusal_behind_reaches_the_sender_as_one_that_may_be_tried_again() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(
            shard
                .apply(&[receiver(to_sink()), sink_node()])
                .await
                .is_empty()
        );
        sink().refuses.set(Some("busy"));
        let status = call(TRACES, &request(&["a"]), None).await;
        assert_eq!(status, Status::new(Code::Unavailable, "told to refuse"));
        let answer = post("/v1/traces", "application/x-protobuf", "", request(&["a"])).await;
        assert_eq!(answer.head.status.as_u16(), 503);
        sink().refuses.set(None);
        shard.verify_ledgers().await;
    });
}

fn client_block(endpoint: String) -> Body {
    let insecure = body([("insecure", Value::from(true))]);
    with_block(
        body([("endpoint", Value::string(endpoint))]),
        "tls",
        insecure,
    )
}

fn exporters(queue: bool) -> [Arc<PlanNode>; 2] {
    let queue = body([("enabled", Value::from(queue))]);
    let retry = body([("initial_interval", Value::string("100ms"))]);
    let arguments = |endpoint: String| {
        let arguments = with_block(body([]), "client", client_block(endpoint));
        let arguments = with_block(arguments, "sending_queue", queue.clone());
        with_block(arguments, "retry_on_failure", retry.clone())
    };
    let grpc = arguments(address(GRPC_PORT).to_string());
    let http = arguments(format!("http://{}", address(HTTP_PORT)));
    [
        node(&exporter_otlp::COMPONENT, "otelcol.exporter.otlp.out", grpc),
        node(
            &exporter_otlphttp::COMPONENT,
            "otelcol.exporter.otlphttp.out",
            http,
        ),
    ]
}

#[test]
fn exporters_deliver_to_a_receiver_with_and_without_a_queue() {
    for queue in [true, false] {
        for index in 0..2 {
            check(1, move || async move {
                let exporter = exporters(queue)[index].clone();
                let nodes = [
                    source(&exporter.id),
                    exporter,
                    receiver(to_sink()),
                    sink_node(),
                ];
                let shard = TestShard::start();
                assert!(shard.apply(&nodes).await.is_empty());
                assert_eq!(feed(spans(&["a", "b"])).await, Ok(()));
                assert_eq!(sink().take_spans(), [["a", "b"]]);
                shard.verify_ledgers().await;
            });
        }
    }
}

#[test]
fn what_the_destination_does_not_take_in_time_is_logged_and_delivered_later_once() {
    check(1, || async {
        let exporter = exporters(true)[0].clone();
        let shard = TestShard::start();
        let away = [source(&exporter.id), exporter.clone()];
        assert!(shard.apply(&away).await.is_empty());
        let start = runtime::now();
        assert_eq!(feed(spans(&["a"])).await, Ok(()));
        assert_eq!(feed(spans(&["b"])).await, Ok(()));
        assert!(start.elapsed() < Duration::from_secs(2), "acked by the log");
        let back = [
            source(&exporter.id),
            exporter,
            receiver(to_sink()),
            sink_node(),
        ];
        assert!(shard.apply(&back).await.is_empty());
        runtime::sleep(Duration::from_secs(30)).await;
        let mut delivered = sink().take_spans().concat();
        delivered.sort();
        assert_eq!(delivered, ["a", "b"]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn without_a_queue_the_sender_hears_that_the_destination_is_away() {
    check(1, || async {
        let exporter = exporters(false)[0].clone();
        let shard = TestShard::start();
        let nodes = [source(&exporter.id), exporter];
        assert!(shard.apply(&nodes).await.is_empty());
        let start = runtime::now();
        let nack = feed(spans(&["a"])).await.unwrap_err();
        assert!(nack.retryable);
        assert!(
            start.elapsed() > Duration::from_secs(200),
            "it was tried for long"
        );
        shard.verify_ledgers().await;
    });
}

fn batching(size: i64, size_max: i64) -> Vec<Arc<PlanNode>> {
    let arguments = body([
        ("send_batch_size", Value::from(size)),
        ("send_batch_max_size", Value::from(size_max)),
        ("timeout", Value::string("1s")),
    ]);
    let arguments = with_block(arguments, "output", to_sink());
    let id = "otelcol.processor.batch.b";
    vec![
        source(id),
        node(&processor_batch::COMPONENT, id, arguments),
        sink_node(),
    ]
}

#[test]
fn small_batches_leave_as_one_and_wait_in_the_log() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(shard.apply(&batching(100, 100)).await.is_empty());
        for name in ["a", "b", "c"] {
            assert_eq!(feed(spans(&[name])).await, Ok(()));
        }
        assert!(sink().batches.borrow().is_empty(), "acked before they left");
        runtime::sleep(Duration::from_secs(2)).await;
        assert_eq!(sink().take_spans(), [["a", "b", "c"]]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn large_batches_are_cut_and_full_ones_leave_at_once() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(shard.apply(&batching(2, 2)).await.is_empty());
        let start = runtime::now();
        assert_eq!(feed(spans(&["a", "b", "c", "d"])).await, Ok(()));
        assert!(start.elapsed() < Duration::from_millis(50));
        assert_eq!(sink().take_spans(), [["a", "b"], ["c", "d"]]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_waits_in_a_batch_is_offered_again_when_it_was_refused() {
    check(1, || async {
        let shard = TestShard::start();
        assert!(shard.apply(&batching(1, 10)).await.is_empty());
        sink().refuses.set(Some("busy"));
        assert_eq!(feed(spans(&["a"])).await, Ok(()), "it is in the log");
        sink().refuses.set(None);
        runtime::sleep(Duration::from_secs(10)).await;
        assert_eq!(sink().take_spans(), [["a"]]);
        shard.verify_ledgers().await;
    });
}
