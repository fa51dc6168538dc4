//! Requests over a simulated network, and what becomes of them.

use bytes::Bytes;
use engine::testing::{SINK, TestShard, body, log_receivers, node, with_block};
use net::{BodyLimits, Client, ClientOptions, HeaderName, HeaderValue, Request, Response, Target};
use runtime::sim::check;
use schema::{Body, Value};

use crate::testing::{PATIENCE, SINK_NODE, address, port, sink, sink_node};

const PORT: u16 = 12347;
const LOGS_NODE: &str = "test.sink.logs";

const PAYLOAD: &str = r#"{
    "logs": [{"message": "m", "timestamp": "2023-05-06T07:08:09Z"}],
    "meta": {"app": {"name": "shop"}},
    "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}]}]}]}
}"#;

/// Starts a receiver with these settings.
async fn started(format: &str, server: Body) -> TestShard {
    let shard = TestShard::start();
    let labels = [("app", "front"), ("kind", ""), ("none", "")];
    let labels = labels.map(|(name, value)| (name, Value::string(value)));
    let arguments = body([
        ("extra_log_labels", Value::object(labels)),
        ("log_format", Value::string(format)),
    ]);
    let output = body([
        ("logs", log_receivers(&[LOGS_NODE])),
        ("traces", Value::array([port(SINK_NODE)])),
    ]);
    let arguments = with_block(arguments, "output", output);
    let arguments = with_block(arguments, "server", server);
    let logs = node(&SINK, LOGS_NODE, body([]));
    let receiver = node(&super::COMPONENT, "faro.receiver.in", arguments);
    let errors = shard.apply(&[logs, sink_node(), receiver]).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

async fn send(payload: &'static str, headers: &[(&'static str, &'static str)]) -> Response {
    let target = format!("http://{}/collect", address(PORT));
    let target = Target::parse(&target).expect("a URL");
    let mut request = Request::post(&target, Bytes::from_static(payload.as_bytes()));
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        request
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    let client = Client::new(ClientOptions::new("test")).expect("plain options");
    let answer = client
        .send(&request, PATIENCE, BodyLimits::both(1 << 20))
        .await;
    answer.expect("an answer")
}

fn lines() -> Vec<String> {
    engine::testing::sink(LOGS_NODE).take()
}

#[test]
fn lines_go_to_logs_and_spans_to_traces() {
    check(1, || async {
        let shard = started("logfmt", body([])).await;
        let answer = send(PAYLOAD, &[]).await;
        assert_eq!(
            (answer.head.status.as_u16(), &*answer.body),
            (202, &b"ok"[..])
        );
        let lines = lines();
        let expected = "{app=\"front\", kind=\"log\"} timestamp=\"2023-05-06 07:08:09 +0000 UTC\" \
                        kind=log message=m app_name=shop browser_mobile=false@";
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(expected), "{lines:?}");
        assert_eq!(sink().take_spans(), [["a"]]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn lines_of_json_have_their_fields_sorted() {
    check(1, || async {
        let _shard = started("json", body([])).await;
        send(PAYLOAD, &[]).await;
        let lines = lines();
        let expected = concat!(
            r#"{"app_name":"shop","browser_mobile":"false","kind":"log","message":"m","#,
            r#""timestamp":"2023-05-06 07:08:09 +0000 UTC"}"#,
        );
        assert!(lines[0].contains(expected), "{lines:?}");
    });
}

#[test]
fn strangers_and_broken_payloads_are_refused() {
    check(1, || async {
        let server = body([("api_key", Value::secret("k"))]);
        let _shard = started("logfmt", server).await;
        let key = [("x-api-key", "k")];
        assert_eq!(send(PAYLOAD, &[]).await.head.status, 401);
        assert_eq!(send(PAYLOAD, &[("x-api-key", "kk")]).await.head.status, 401);
        assert_eq!(send("{x", &key).await.head.status, 400);
        assert_eq!(send(PAYLOAD, &key).await.head.status, 202);
    });
}

#[test]
fn a_page_comes_back_with_what_nobody_takes_now() {
    check(1, || async {
        let _shard = started("logfmt", body([])).await;
        sink().refuses.set(Some("full"));
        assert_eq!(send(PAYLOAD, &[]).await.head.status, 503);
        sink().refuses.set(None);
        assert_eq!(send(PAYLOAD, &[]).await.head.status, 202);
    });
}

#[test]
fn more_than_the_limit_is_refused_for_all_or_for_one_application() {
    for strategy in ["global", "per_app"] {
        check(1, move || async move {
            let limiting = body([
                ("strategy", Value::string(strategy)),
                ("rate", Value::from(0.5)),
                ("burst_size", Value::from(2)),
            ]);
            let server = with_block(body([]), "rate_limiting", limiting);
            let _shard = started("logfmt", server).await;
            let mut statuses = Vec::new();
            for _ in 0..3 {
                statuses.push(send(PAYLOAD, &[]).await.head.status.as_u16());
            }
            assert_eq!(statuses, [202, 202, 429], "{strategy}");
            let other = send("{}", &[]).await.head.status.as_u16();
            assert_eq!(other, if strategy == "global" { 429 } else { 202 });
            runtime::sleep(std::time::Duration::from_secs(3)).await;
            assert_eq!(send(PAYLOAD, &[]).await.head.status, 202);
        });
    }
}

#[test]
fn browsers_hear_which_pages_may_send() {
    check(1, || async {
        let origins = Value::array([Value::string("https://*.shop.example")]);
        let server = body([("cors_allowed_origins", origins)]);
        let _shard = started("logfmt", server).await;
        let allowed = |answer: &Response| {
            let origin = answer.head.headers.get("access-control-allow-origin");
            origin.map(|it| it.to_str().expect("text").to_owned())
        };
        let page = "https://www.shop.example";
        let answer = send(PAYLOAD, &[("origin", page)]).await;
        assert_eq!(allowed(&answer).as_deref(), Some(page));
        let credentials = "access-control-allow-credentials";
        assert!(answer.head.headers.get(credentials).is_none());
        let answer = send(PAYLOAD, &[("origin", "https://other.example")]).await;
        assert_eq!(allowed(&answer), None);
    });
}
