//! The component with real servers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;

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
  ping: {prober: icmp}
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

#[test]
fn what_cannot_be_probed_is_refused() {
    on_real_control(async || {
        let arguments = [("config", MODULES.into())];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("it starts");
        for (module, expect) in [("ping", "Unknown prober"), ("none", "Unknown module")] {
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
