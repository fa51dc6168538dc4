//! discovery.consul against its API as recorded, on loopback.

use std::rc::Rc;

use schema::{Target, Value};

use super::*;
use crate::tests::{Server, on_control, refusals, start, targets, until};

const WEB: &str = r#"[
    {"Node":{"ID":"1","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1",
             "TaggedAddresses":{"lan":"10.0.0.1","wan-v4":"1.2.3.4"},"Meta":{"rack.no":"7"}},
     "Service":{"ID":"web-1","Service":"web","Tags":["a","b"],"Address":"","Port":80,
                "Meta":{"version":"2"},"Namespace":"ns","Partition":"p"},
     "Checks":[{"CheckID":"serfHealth","Status":"passing"},{"CheckID":"x","Status":"warning"}]},
    {"Node":{"Node":"n2","Address":"10.0.0.2","Meta":null},
     "Service":{"ID":"web-2","Service":"web","Tags":null,"Address":"fd00::1","Port":81},
     "Checks":null}
]"#;

#[test]
fn instances_become_targets_with_their_labels() {
    let found = instances(WEB.as_bytes(), "web", "dc1", ",").expect("is valid");
    let first = Target::new([
        ("__address__", "10.0.0.1:80"),
        ("__meta_consul_address", "10.0.0.1"),
        ("__meta_consul_dc", "dc1"),
        ("__meta_consul_health", "warning"),
        ("__meta_consul_metadata_rack_no", "7"),
        ("__meta_consul_namespace", "ns"),
        ("__meta_consul_node", "n1"),
        ("__meta_consul_partition", "p"),
        ("__meta_consul_service", "web"),
        ("__meta_consul_service_address", ""),
        ("__meta_consul_service_id", "web-1"),
        ("__meta_consul_service_metadata_version", "2"),
        ("__meta_consul_service_port", "80"),
        ("__meta_consul_tagged_address_lan", "10.0.0.1"),
        ("__meta_consul_tagged_address_wan_v4", "1.2.3.4"),
        ("__meta_consul_tags", ",a,b,"),
    ]);
    assert_eq!(found[0], first);
    assert_eq!(found[1].get("__address__"), Some("[fd00::1]:81"));
    assert_eq!(found[1].get("__meta_consul_tags"), Some(",,"));
    assert_eq!(found[1].get("__meta_consul_health"), Some("passing"));
}

#[test]
fn health_is_the_worst_check() {
    for (checks, expect) in [
        (r#"[]"#, "passing"),
        (
            r#"[{"Status":"warning"},{"Status":"critical"}]"#,
            "critical",
        ),
        (r#"[{"Status":"odd"},{"Status":"critical"}]"#, ""),
        (
            r#"[{"CheckID":"_node_maintenance","Status":"critical"}]"#,
            "maintenance",
        ),
        (
            r#"[{"CheckID":"_service_maintenance:x","Status":"x"}]"#,
            "maintenance",
        ),
    ] {
        let body = format!(r#"[{{"Node":{{}},"Service":{{}},"Checks":{checks}}}]"#);
        let found = instances(body.as_bytes(), "x", "d", ",").expect("is valid");
        assert_eq!(
            found[0].get("__meta_consul_health"),
            Some(expect),
            "{checks}"
        );
    }
}

#[test]
fn answers_of_another_form_are_refused() {
    assert!(datacenter(b"{}").is_err());
    assert!(services(b"[]").is_err());
    assert!(instances(b"{}", "x", "d", ",").is_err());
    assert_eq!(instances(b"null", "x", "d", ","), Ok(Vec::new()));
    assert_eq!(
        datacenter(br#"{"Config":{"Datacenter":"dc9"},"Member":{}}"#),
        Ok("dc9".to_owned())
    );
}

/// Answers with this index.
fn answer(server: &Server, path: &str, index: u64, body: &str) {
    let index = format!("X-Consul-Index: {index}\r\n");
    server.answer_with(path, "200 OK", &index, body);
}

fn server_at(server: &Server) -> (&'static str, Value) {
    (
        "server",
        Value::from(server.url().trim_start_matches("http://")),
    )
}

#[test]
fn services_come_and_go_with_the_catalogue() {
    on_control(async || {
        let server = Server::start().await;
        answer(
            &server,
            "/v1/agent/self",
            0,
            r#"{"Config":{"Datacenter":"dc9"}}"#,
        );
        answer(
            &server,
            "/v1/catalog/services",
            1,
            r#"{"web":["a"],"db":null}"#,
        );
        answer(&server, "/v1/health/service/web", 1, WEB);
        answer(&server, "/v1/health/service/db", 1, "[]");
        let arguments = [
            server_at(&server),
            ("refresh_interval", Value::from("20ms")),
        ];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("the arguments are valid");
        until("targets", || targets(&instance).len() == 2).await;
        assert_eq!(targets(&instance)[0].get("__meta_consul_dc"), Some("dc9"));

        // The same index again is no change, whatever comes with it.
        answer(&server, "/v1/health/service/web", 1, "[]");
        let asked = server.requests().len();
        until("requests", || asked + 20 < server.requests().len()).await;
        assert_eq!(targets(&instance).len(), 2);

        // A failure keeps targets.
        server.answer("/v1/health/service/web", "500 Oops", "");
        until("failures", || 1.0 <= instance.metrics()[0].1).await;
        assert_eq!(targets(&instance).len(), 2);

        // A server that began anew counts from the beginning.
        answer(&server, "/v1/health/service/web", 1, WEB);
        answer(&server, "/v1/catalog/services", 2, r#"{"db":[]}"#);
        until("no targets", || targets(&instance).is_empty()).await;
    });
}

#[test]
fn named_services_are_watched_with_all_that_narrows_them() {
    on_control(async || {
        let server = Server::start().await;
        answer(&server, "/v1/health/service/web%20x", 7, WEB);
        let arguments = [
            server_at(&server),
            ("refresh_interval", Value::from("20ms")),
            ("datacenter", Value::from("dc1")),
            ("namespace", Value::from("n")),
            ("partition", Value::from("p")),
            ("services", Value::array([Value::from("web x")])),
            ("token", Value::secret("t0ken")),
            ("node_meta", Value::object([("rack", "7".into())])),
        ];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("the arguments are valid");
        until("two requests", || 1 < server.requests().len()).await;
        until("targets", || targets(&instance).len() == 2).await;
        let requests = server.requests();
        let query = "dc=dc1&ns=n&partition=p&stale=&node-meta=rack%3A7";
        let path = "GET /v1/health/service/web%20x?";
        assert!(requests[0].starts_with(&format!("{path}{query}&wait=120000ms HTTP/1.1\r\n")));
        assert!(requests[0].contains("x-consul-token: t0ken\r\n"));
        assert!(requests[1].starts_with(&format!("{path}{query}&index=7&wait=120000ms ")));
    });
}

#[test]
fn tags_narrow_both_the_catalogue_and_the_instances() {
    on_control(async || {
        let server = Server::start().await;
        answer(
            &server,
            "/v1/catalog/services",
            1,
            r#"{"web":["a","b"],"db":["a"]}"#,
        );
        answer(&server, "/v1/health/service/web", 1, WEB);
        let arguments = [
            server_at(&server),
            ("datacenter", Value::from("dc1")),
            ("tags", Value::array([Value::from("a"), Value::from("b")])),
        ];
        let started = start(&COMPONENT, arguments, Rc::default()).await;
        let instance = started.expect("the arguments are valid");
        until("targets", || targets(&instance).len() == 2).await;
        let requests = server.requests();
        assert!(requests[1].contains("/v1/health/service/web?dc=dc1&tag=a&tag=b&"));
        assert!(!requests.iter().any(|request| request.contains("/db?")));
    });
}

#[test]
fn settings_that_contradict_are_refused() {
    let errors = refusals(&COMPONENT, [("server", Value::from("a b"))]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let errors = refusals(&COMPONENT, [("scheme", Value::from("ftp"))]);
    assert_eq!(errors.len(), 1, "{errors:?}");
}
