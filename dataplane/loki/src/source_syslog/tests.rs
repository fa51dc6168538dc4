//! Connections on a simulated net, from their bytes to a sink.

use std::net::SocketAddr;
use std::time::Duration;

use engine::testing::{SINK, TestShard, body, log_receivers, metric, node, sink, with_block};
use net::Bytes;
use ops::relabel::{NameScheme, Rule, RuleText};
use runtime::net::TcpStream;
use runtime::sim::check;
use schema::Value;

use super::COMPONENT;

const SINK_NODE: &str = "test.sink.out";
const ADDRESS: &str = "127.0.0.1:1514";

async fn started<const N: usize>(settings: [(&str, Value); N]) -> TestShard {
    let rule = RuleText {
        source_labels: Vec::new(),
        separator: ";".to_owned(),
        regex: "__syslog_message_(.+)".to_owned(),
        modulus: 0,
        target_label: String::new(),
        replacement: "s_$1".to_owned(),
        action: "labelmap".to_owned(),
    };
    let rule = Rule::new(rule, NameScheme::Legacy).expect("a rule");
    let arguments = body([
        ("forward_to", log_receivers(&[SINK_NODE])),
        ("relabel_rules", Value::opaque("RelabelRules", vec![rule])),
    ]);
    let mut listener = body([("address", Value::string(ADDRESS))]);
    listener.attributes.extend(body(settings).attributes);
    let arguments = with_block(arguments, "listener", listener);
    let shard = TestShard::start();
    let nodes = [
        node(&COMPONENT, "loki.source.syslog.in", arguments),
        node(&SINK, SINK_NODE, body([])),
    ];
    let errors = shard.apply(&nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

/// Sends the pieces one after the other on a connection of their own.
async fn send(pieces: &[&[u8]]) -> Vec<String> {
    let address: SocketAddr = ADDRESS.parse().expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    for piece in pieces {
        let sent = stream.write_all(Bytes::copy_from_slice(piece)).await;
        sent.0.expect("it is taken");
        runtime::sleep(Duration::from_millis(100)).await;
    }
    drop(stream);
    runtime::sleep(Duration::from_secs(1)).await;
    sink(SINK_NODE).take()
}

#[test]
fn both_framings_are_read_however_they_arrive() {
    check(1, || async {
        let time = ("use_incoming_timestamp", Value::from(true));
        let shard = started([time, ("label_structured_data", Value::from(true))]).await;
        let message = r#"<34>1 1970-01-01T00:00:01Z h a p m [x@1 k="v"] text"#;
        let shown = concat!(
            r#"{s_app_name="a", s_facility="auth", s_hostname="h", s_msg_id="m", "#,
            r#"s_proc_id="p", s_sd_x_1_k="v", s_severity="critical"} text@1000000000"#
        );
        let counted = format!("{} {message}", message.len());
        let (front, back) = counted.as_bytes().split_at(20);
        assert_eq!(
            send(&[front, back, counted.as_bytes()]).await,
            [shown, shown]
        );
        let ended = format!("{message}\n{message}");
        let (front, back) = ended.as_bytes().split_at(70);
        assert_eq!(
            send(&[front, back]).await,
            [shown, shown],
            "the last without its end"
        );
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_is_no_message_is_counted_and_the_rest_is_taken() {
    check(2, || async {
        let shard = started([]).await;
        let lines = send(&[
            b"<34>1 - - - - - - one\n<bad\n",
            b"<1>1 - - - - - -\n<1>1 - - - - - - two\n",
        ]);
        let lines = lines.await;
        let texts: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split_once("} ")?.1.split('@').next())
            .collect();
        assert_eq!(texts, ["one", "two"]);
        assert!(send(&[b"hello\n"]).await.is_empty());
        let metrics = shard.metrics().await;
        let of = |name: &str| metric(&metrics, name, &[]);
        assert_eq!(of("loki_source_syslog_entries_total"), 2.0);
        assert_eq!(of("loki_source_syslog_parsing_errors_total"), 2.0);
        assert_eq!(of("loki_source_syslog_empty_messages_total"), 1.0);
    });
}

#[test]
fn messages_of_rfc_3164_get_this_year_when_asked_to() {
    check(3, || async {
        let settings = [
            ("syslog_format", Value::string("rfc3164")),
            ("use_incoming_timestamp", Value::from(true)),
            ("rfc3164_default_to_current_year", Value::from(true)),
        ];
        let _shard = started(settings).await;
        let lines = send(&[b"<34>Jan  1 00:00:00 h su[7]: failed\n"]).await;
        let (labels, rest) = lines[0].split_once("} ").expect("labels");
        assert!(
            labels.contains(r#"s_app_name="su", s_facility="auth""#),
            "{labels}"
        );
        let (text, time) = rest.split_once('@').expect("a time");
        assert_eq!(text, "failed");
        let time: i64 = time.parse().expect("a number");
        let year_ns = 366 * 86_400_000_000_000;
        assert!(runtime::wall_ns() - time < year_ns, "{time}");
    });
}

#[test]
fn raw_messages_are_whole_lines() {
    check(4, || async {
        let shard = started([("syslog_format", Value::string("raw"))]).await;
        let lines = send(&[b"<13> CEF:0|x\n", b"CEF:1|y\n"]).await;
        let expected = r#"{s_facility="user", s_severity="notice"} CEF:0|x@"#;
        assert!(lines[0].starts_with(expected), "{lines:?}");
        assert!(lines[1].starts_with("{} CEF:1|y@"), "{lines:?}");
        shard.verify_ledgers().await;
    });
}

/// A file of the certificates that tests share.
#[allow(clippy::disallowed_methods)] // Fixtures of the repository, read before the test begins.
fn certificate(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../platform/net/testdata");
    std::fs::read_to_string(format!("{folder}/{name}")).expect("a file in testdata")
}

async fn secured(tls: Vec<(&str, Value)>) -> TestShard {
    let arguments = body([("forward_to", log_receivers(&[SINK_NODE]))]);
    let listener = body([("address", Value::string(ADDRESS))]);
    let mut block = body([]);
    for (name, value) in tls {
        block.attributes.extend(body([(name, value)]).attributes);
    }
    let arguments = with_block(
        arguments,
        "listener",
        with_block(listener, "tls_config", block),
    );
    let shard = TestShard::start();
    let nodes = [
        node(&COMPONENT, "loki.source.syslog.in", arguments),
        node(&SINK, SINK_NODE, body([])),
    ];
    let errors = shard.apply(&nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

#[test]
fn clients_that_prove_who_they_are_speak_by_tls() {
    use runtime::net::AsyncWrite;
    check(1, || async {
        let text = |name: &str| Value::from(certificate(name));
        let _shard = secured(vec![
            ("cert_pem", text("server.pem")),
            ("key_pem", Value::secret(certificate("server.key"))),
            ("ca_pem", text("ca.pem")),
        ])
        .await;
        let pem = |name: &str| net::tls::Pem::Inline(net::Secret::new(&certificate(name)));
        let mut settings = net::tls::ClientTls::system();
        settings.ca = Some(pem("ca.pem"));
        let identity = net::tls::Identity {
            certificate: pem("client.pem"),
            key: pem("client.key"),
        };
        for (identity, expect) in [(Some(identity), 1), (None, 0)] {
            settings.identity = identity;
            let address: SocketAddr = ADDRESS.parse().expect("an address");
            let stream = TcpStream::connect(address).await.expect("it listens");
            let secured = net::tls::secure(stream, &settings, "localhost").await;
            let (mut stream, _) = secured.expect("the server is who it says");
            let message = b"<165>1 2003-10-11T22:14:15.003Z h a - - - by tls\n";
            let mut written = 0;
            let sent = std::future::poll_fn(|cx| {
                let mut stream = std::pin::Pin::new(&mut stream);
                while written < message.len() {
                    let wrote = stream.as_mut().poll_write(cx, &message[written..]);
                    written += std::task::ready!(wrote)?;
                }
                stream.poll_flush(cx)
            });
            // Whom the server refuses may learn it before or after it has written.
            let sent = sent.await;
            runtime::sleep(Duration::from_secs(2)).await;
            assert!(sent.is_ok() || expect == 0);
            assert_eq!(sink(SINK_NODE).take().len(), expect);
        }
    });
}
