//! The component with real servers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;

use net::grpc::{Code, Status};
use net::tls::{Identity, MinVersion, Pem, ServerTls};
use net::{Answer, Handler, Protocols, Server, ServerOptions};
use runtime::net::{ListenOptions, TcpListener as Listener};

use super::*;
use crate::tests::{on_real_control, refusals, scrape, start};

/// A server that gives each connection one answer.
fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).expect("a request");
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).expect("answered");
        }
    });
    address
}

const MODULES: &str = r#"{modules: {
  ok: {prober: http, timeout: 5s},
  gone: {prober: http, http: {valid_status_codes: [404]}},
  body: {prober: http, http: {fail_if_body_not_matches_regexp: ["wanted"]}},
  talk: {prober: tcp, timeout: 5s, tcp: {query_response: [{send: hi}, {expect: "^220 (\\w+)"}]}},
  proxied: {prober: http, http: {proxy_url: "http://x"}}
}}"#;

#[test]
fn probes_tell_whether_the_answer_is_as_wanted() {
    on_real_control(async || {
        let good =
            server("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nall fine");
        let gone =
            server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let lines = server("hello\r\n220 mail\r\n");
        let arguments = [("config", MODULES.into())];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("it starts");
        for (target, module, expect) in [
            (&good, "ok", "probe_success 1\n"),
            (&good, "ok", "probe_http_content_length 8\n"),
            (&good, "body", "probe_failed_due_to_regex 1\n"),
            (&gone, "ok", "probe_success 0\n"),
            (&gone, "gone", "probe_success 1\n"),
            (&lines, "talk", "probe_success 1\n"),
            (
                &"127.0.0.1:1".to_owned(),
                "ok",
                "probe_http_status_code 0\n",
            ),
        ] {
            let query = [("target", target.as_str()), ("module", module)];
            let page = scrape(&instance, &query).await;
            assert!(page.contains(expect), "{module}: {expect} is not in {page}");
        }
    });
}

/// A file of the certificates that tests share.
fn certificate(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../platform/net/testdata/");
    format!("{folder}{name}").replace('\\', "/")
}

/// A server of this thread, with TLS if that is wanted; its port.
fn serve(secure: bool, answer: fn(&str) -> Answer) -> (Server, u16) {
    let local = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(local, &ListenOptions::exclusive()).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let handler: Handler = Rc::new(move |incoming| {
        let path = incoming.uri.path().to_owned();
        Box::pin(async move { answer(&path) })
    });
    let mut options = ServerOptions::standard();
    // Without TLS there is only gRPC to serve.
    if !secure {
        options.protocols = Protocols::Http2;
    }
    let file = |name: &str| Pem::File(certificate(name).into());
    options.tls = secure.then(|| ServerTls {
        identity: Identity {
            certificate: file("server.pem"),
            key: file("server.key"),
        },
        client_auth: net::tls::ClientAuth::None,
        min_version: MinVersion::Tls12,
    });
    (net::serve(listener, handler, options), port)
}

async fn probe(modules: &str, target: &str) -> String {
    let ca = certificate("ca.pem");
    let config = format!("{{modules: {{m: {modules}}}}}").replace("CA", &ca);
    let started = start(&COMPONENT, [("config", config.into())], Rc::default()).await;
    let instance = started.expect("it starts");
    scrape(&instance, &[("target", target), ("module", "m")]).await
}

fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

const CERTIFICATE: [&str; 4] = [
    "probe_ssl_earliest_cert_expiry ",
    "probe_tls_version_info{version=\"TLS 1.3\"} 1\n",
    "probe_ssl_last_chain_info{fingerprint_sha256=\"",
    "subjectalternative=\"localhost,sink.example.test\"",
];

#[test]
fn certificates_of_https_servers_are_told() {
    on_real_control(async || {
        let (_server, port) = serve(true, |path| match path {
            "/old" => {
                let mut answer = Answer::empty(net::StatusCode::FOUND);
                let new = net::HeaderValue::from_static("/new");
                answer.headers.insert(net::header::LOCATION, new);
                answer
            }
            _ => Answer::empty(net::StatusCode::OK),
        });
        let target = format!("https://localhost:{port}/old");
        let ip = "preferred_ip_protocol: ip4";
        let http2 = "{prober: http, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: CA}}}";
        let page = probe(http2, &target).await;
        assert_has(&page, &CERTIFICATE);
        let expected = [
            "probe_success 1\n",
            "probe_http_ssl 1\n",
            "probe_http_version 2\n",
            "probe_http_redirects 1\n",
            "probe_ip_protocol 4\n",
        ];
        assert_has(&page, &expected);
        assert!(!page.contains("probe_ssl_last_chain_expiry_timestamp_seconds -"));
        let http1 = format!(
            "{{prober: http, http: {{{ip}, enable_http2: false, \
             tls_config: {{insecure_skip_verify: true}}}}}}"
        );
        let page = probe(&http1, &target).await;
        let unverified = "probe_ssl_last_chain_expiry_timestamp_seconds -62135596800\n";
        assert_has(&page, &["probe_http_version 1.1\n", unverified]);
        let untrusted = probe(
            "{prober: http, http: {preferred_ip_protocol: ip4}}",
            &target,
        )
        .await;
        assert_has(&untrusted, &["probe_success 0\n", "probe_http_ssl 0\n"]);
    });
}

#[test]
fn a_conversation_may_be_by_tls() {
    on_real_control(async || {
        let (_server, port) = serve(true, |_| Answer::empty(net::StatusCode::OK));
        let tcp = r#"{prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4, tls: true,
            tls_config: {ca_file: CA}, query_response: [
                {send: "GET / HTTP/1.0\n"}, {expect: "^HTTP/1.. 200"}]}}"#;
        let page = probe(tcp, &format!("localhost:{port}")).await;
        assert_has(&page, &CERTIFICATE);
        assert_has(&page, &["probe_success 1\n"]);
    });
}

#[test]
fn services_tell_by_grpc_how_they_are() {
    on_real_control(async || {
        let module =
            |tls: &str| format!("{{prober: grpc, timeout: 5s, grpc: {{service: s{tls}}}}}");
        for (answer, code, status, success) in [
            (
                (|_: &str| net::grpc::ok(&[8, 1])) as fn(&str) -> Answer,
                0,
                "SERVING",
                1,
            ),
            (|_| net::grpc::ok(&[8, 2]), 0, "NOT_SERVING", 0),
            (
                |_| Status::new(Code::NotFound, "unknown").answer(),
                5,
                "",
                0,
            ),
        ] {
            let (_server, port) = serve(false, answer);
            let page = probe(&module(""), &format!("127.0.0.1:{port}")).await;
            let code = format!("probe_grpc_status_code {code}\n");
            let success = format!("probe_success {success}\n");
            assert_has(&page, &[&code, &success, "probe_grpc_ssl 0\n"]);
            for known in ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] {
                let is = u8::from(known == status);
                let name = "probe_grpc_healthcheck_response";
                let line = format!("{name}{{serving_status=\"{known}\"}} {is}\n");
                assert_has(&page, &[&line]);
            }
        }
        let (_server, port) = serve(true, |_| net::grpc::ok(&[8, 1]));
        let secure = module(", tls: true, preferred_ip_protocol: ip4, tls_config: {ca_file: CA}");
        let page = probe(&secure, &format!("localhost:{port}")).await;
        assert_has(&page, &CERTIFICATE);
        assert_has(&page, &["probe_success 1\n", "probe_grpc_ssl 1\n"]);
        let gone = probe(&module(""), "127.0.0.1:1").await;
        assert_has(&gone, &["probe_success 0\n", "probe_grpc_status_code 14\n"]);
    });
}

/// Answers one question with an address and a zone.
fn name_server() -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let mut answer = bytes[..length].to_vec();
            answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 2]);
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
            answer.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0]);
            answer.extend([0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
            socket.send_to(&answer, from).expect("sent");
        }
    });
    address
}

#[test]
fn answers_of_name_servers_are_looked_at() {
    on_real_control(async || {
        let server = name_server();
        let module = |more: &str| {
            let base = "query_name: a.example, query_type: SOA";
            format!("{{prober: dns, timeout: 5s, dns: {{{base}{more}}}}}")
        };
        let page = probe(&module(""), &server).await;
        let expected = [
            "probe_success 1\n",
            "probe_dns_answer_rrs 2\n",
            "probe_dns_query_succeeded 1\n",
            "probe_dns_serial 7\n",
        ];
        assert_has(&page, &expected);
        let rule = ", validate_answer_rrs: {fail_if_matches_regexp: [\"\\\\tA\\\\t10[.]0\"]}";
        let page = probe(&module(rule), &server).await;
        assert_has(
            &page,
            &["probe_success 0\n", "probe_dns_query_succeeded 1\n"],
        );
        let page = probe(&module(", valid_rcodes: [NXDOMAIN]"), &server).await;
        assert_has(&page, &["probe_success 0\n"]);
    });
}

#[test]
fn this_machine_answers_to_echo_requests_where_they_may_be_sent() {
    use socket2::{Domain, Protocol, Socket, Type};
    on_real_control(async || {
        let open = |kind: Type| Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4)).is_ok();
        let raw = open(Type::RAW);
        for (setting, allowed) in [
            ("payload_size: 100", raw || open(Type::DGRAM)),
            ("dont_fragment: true, ttl: 9", raw),
        ] {
            let page = probe(
                &format!("{{prober: icmp, timeout: 5s, icmp: {{{setting}}}}}"),
                "127.0.0.1",
            )
            .await;
            let success = format!("probe_success {}\n", u8::from(allowed));
            let phase = "probe_icmp_duration_seconds{phase=\"rtt\"} ";
            assert_has(&page, &[&success, phase, "probe_ip_protocol 4\n"]);
        }
    });
}

#[test]
fn what_cannot_be_probed_is_refused() {
    on_real_control(async || {
        let arguments = [("config", MODULES.into())];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("it starts");
        for (module, expect) in [("proxied", "Unknown prober"), ("none", "Unknown module")] {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let request = PageRequest {
                query: vec![pair("module", module), pair("target", "x")],
                ..PageRequest::default()
            };
            let answer = crate::tests::scrape_with(&instance, request).await;
            assert_eq!(answer.status, 400);
            assert!(answer.body.starts_with(expect), "{}", answer.body);
        }
    });
    let refused = refusals(
        &COMPONENT,
        [("config", "{modules: {a: {extra: 1}}}".into())],
    );
    assert!(refused[0].contains("unknown field"), "{refused:?}");
    assert!(refusals(&COMPONENT, [])[0].contains("must be set"));
}
