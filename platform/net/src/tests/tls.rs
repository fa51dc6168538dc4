//! TLS on both sides. The certificates are described in `testdata/README.md`.

use super::*;
use crate::tls::ClientTls;

fn trusting(ca: &str, change: impl FnOnce(&mut ClientOptions)) -> Client {
    client(|options| {
        options.tls.ca = Some(text(ca));
        change(options);
    })
}

fn server() -> TestServer {
    TestServer::with(tls_server(ClientAuth::None), |_| ok("fine"))
}

#[test]
fn a_trusted_server_is_spoken_to_in_http2() {
    on_each_backend(|| async {
        let server = server();
        let client = trusting("ca.pem", |_| {});
        for _ in 0..3 {
            let response = get(&client, &server.https("/x")).await.expect("answered");
            assert_eq!(response.body, b"fine");
        }
        assert_eq!(server.seen.0.borrow()[0].version, Version::HTTP_2);
        assert_eq!(server.seen.connections(), 1);
        assert_eq!(client.kept_connections(), 1);
        let old = trusting("ca.pem", |options| options.enable_http2 = false);
        get(&old, &server.https("/x")).await.expect("answered");
        assert_eq!(server.seen.0.borrow()[3].version, Version::HTTP_11);
    });
}

#[test]
fn a_stopped_http2_server_is_connected_to_again() {
    on_each_backend(|| async {
        let first = server();
        let address = first.address;
        let client = trusting("ca.pem", |_| {});
        let target = first.https("/");
        get(&client, &target).await.expect("answered");
        assert!(first.server.shutdown(PATIENCE).await);
        let listener = TcpListener::bind(address, &ListenOptions::exclusive()).expect("free again");
        let seen = Seen::default();
        let handler = remembering(seen.clone(), |_| ok("again"));
        let _second = serve(listener, handler, tls_server(ClientAuth::None));
        assert_eq!(
            get(&client, &target).await.expect("answered").body,
            b"again"
        );
        assert_eq!(seen.count(), 1);
    });
}

#[test]
fn large_bodies_pass_in_both_directions() {
    on_each_backend(|| async {
        for http2 in [true, false] {
            let server = TestServer::with(tls_server(ClientAuth::None), |asked| {
                let mut answer = ok("");
                answer.body = Bytes::from(asked.body.clone());
                answer
            });
            let client = trusting("ca.pem", |options| options.enable_http2 = http2);
            let body = Bytes::from(vec![3; 1_000_000]);
            let request = Request::post(&server.https("/"), body.clone());
            let response = client
                .send(&request, PATIENCE, LIMITS)
                .await
                .expect("answered");
            assert!(response.body == body);
        }
    });
}

#[test]
fn an_untrusted_server_is_refused_with_the_setting_to_change() {
    on_each_backend(|| async {
        let server = server();
        let error = get(&trusting("other_ca.pem", |_| {}), &server.https("/")).await;
        let error = error.expect_err("untrusted");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert_eq!(
            error.to_string(),
            format!(
                "TLS with \"localhost:{}\" failed: invalid peer certificate: UnknownIssuer; name \
                 its issuer in tls_config.ca_file",
                server.address.port()
            )
        );
        let by_system = get(&client(|_| {}), &server.https("/")).await;
        assert_eq!(kind(by_system), ErrorKind::Tls);
        assert_eq!(server.seen.count(), 0);
        let trusting_all = client(|options| options.tls.insecure_skip_verify = true);
        get(&trusting_all, &server.https("/"))
            .await
            .expect("not verified");
    });
}

#[test]
fn the_expected_name_can_be_set() {
    on_each_backend(|| async {
        let server = server();
        let named = |name: &str| {
            let name = name.to_owned();
            trusting("ca.pem", |options| options.tls.server_name = Some(name))
        };
        get(&named("sink.example.test"), &server.https("/"))
            .await
            .expect("one of its names");
        let error = get(&named("other.test"), &server.https("/"))
            .await
            .expect_err("not its name");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(
            error.to_string().contains("; set tls_config.server_name"),
            "{error}"
        );
        let by_address = Target::parse(&format!("https://{}/", server.address)).expect("valid");
        get(&trusting("ca.pem", |_| {}), &by_address)
            .await
            .expect("the address is one as well");
    });
}

#[test]
fn a_server_may_be_trusted_by_its_very_certificate() {
    on_each_backend(|| async {
        let mut options = tls_server(ClientAuth::None);
        options.tls.as_mut().expect("set").identity = identity("self_signed");
        let server = TestServer::with(options, |_| ok("fine"));
        get(&trusting("self_signed.pem", |_| {}), &server.https("/"))
            .await
            .expect("trusted");
        let other_name = trusting("self_signed.pem", |options| {
            options.tls.server_name = Some("other.test".to_owned());
        });
        assert_eq!(
            kind(get(&other_name, &server.https("/")).await),
            ErrorKind::Tls
        );
        let other = trusting("ca.pem", |_| {});
        assert_eq!(kind(get(&other, &server.https("/")).await), ErrorKind::Tls);
    });
}

/// Not simulated: rustls writes an alert in one call, and simulated sockets take a part of it.
#[test]
fn a_server_may_ask_for_a_certificate() {
    on_real_backends(|| async {
        let required = ClientAuth::Required(text("ca.pem"));
        let server = TestServer::with(tls_server(required), |_| ok("fine"));
        let with = |name: Option<&str>, http2: bool| {
            let identity = name.map(identity);
            trusting("ca.pem", |options| {
                options.tls.identity = identity;
                options.enable_http2 = http2;
            })
        };
        for http2 in [true, false] {
            get(&with(Some("client"), http2), &server.https("/"))
                .await
                .expect("known");
            let stranger = with(Some("self_signed"), http2);
            let error = get(&stranger, &server.https("/"))
                .await
                .expect_err("unknown");
            assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
            let error = get(&with(None, http2), &server.https("/"))
                .await
                .expect_err("none");
            assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
            assert!(
                error
                    .to_string()
                    .ends_with("; check tls_config.cert_file and key_file")
            );
        }
        assert_eq!(server.seen.count(), 2);
        let optional = ClientAuth::IfGiven(text("ca.pem"));
        let server = TestServer::with(tls_server(optional), |_| ok("fine"));
        get(&with(None, true), &server.https("/"))
            .await
            .expect("need not have one");
        let stranger = get(&with(Some("self_signed"), true), &server.https("/")).await;
        assert_eq!(kind(stranger), ErrorKind::Tls);
    });
}

#[test]
fn a_plain_port_is_no_tls_server() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok(""));
        let error = get(&trusting("ca.pem", |_| {}), &server.https("/"))
            .await
            .expect_err("plain");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(
            error
                .to_string()
                .ends_with("; check that the port speaks TLS"),
            "{error}"
        );
    });
}

#[test]
fn versions_are_agreed_on() {
    on_each_backend(|| async {
        let mut options = tls_server(ClientAuth::None);
        options.tls.as_mut().expect("set").min_version = MinVersion::Tls13;
        let server = TestServer::with(options, |_| ok("fine"));
        let client = trusting("ca.pem", |options| {
            options.tls.min_version = MinVersion::Tls13
        });
        get(&client, &server.https("/")).await.expect("answered");
    });
}

#[test]
fn changed_files_are_read_again_on_both_sides() {
    simulated(|| async {
        let path = |name: &str| PathBuf::from(format!("/{name}"));
        let put = async |name: &str, from: &str| {
            let content = bytes_of(from).into_bytes();
            runtime::fs::write_atomic(&path(name), content)
                .await
                .expect("written");
        };
        put("ca", "other_ca.pem").await;
        put("cert", "server.pem").await;
        put("key", "server.key").await;
        let mut options = tls_server(ClientAuth::None);
        options.tls.as_mut().expect("set").identity = Identity {
            certificate: Pem::File(path("cert")),
            key: Pem::File(path("key")),
        };
        let server = TestServer::with(options, |_| ok("fine"));
        let client = client(|options| {
            options.tls = ClientTls {
                ca: Some(Pem::File(path("ca"))),
                ..ClientTls::system()
            };
            options.pool.idle_max = Duration::ZERO;
        });
        assert_eq!(kind(get(&client, &server.https("/")).await), ErrorKind::Tls);

        put("ca", "ca.pem").await;
        runtime::sleep(6 * SECOND).await;
        get(&client, &server.https("/")).await.expect("trusted now");

        put("ca", "README.md").await;
        runtime::sleep(6 * SECOND).await;
        get(&client, &server.https("/"))
            .await
            .expect("the last good file goes on");

        put("ca", "self_signed.pem").await;
        put("cert", "self_signed.pem").await;
        runtime::sleep(6 * SECOND).await;
        let half_way = get(&client, &server.https("/")).await;
        assert_eq!(
            kind(half_way),
            ErrorKind::Tls,
            "certificate without its key: the last pair"
        );
        put("key", "self_signed.key").await;
        runtime::sleep(6 * SECOND).await;
        get(&client, &server.https("/"))
            .await
            .expect("both changed");
    });
}

#[test]
fn unusable_files_are_named() {
    simulated(|| async {
        let server = server();
        let error_with = async |ca: Pem| {
            let client = client(|options| options.tls.ca = Some(ca));
            get(&client, &server.https("/"))
                .await
                .expect_err("unusable")
                .to_string()
        };
        let missing = error_with(Pem::File(PathBuf::from("/none"))).await;
        assert!(missing.contains("cannot read ca \"/none\": "), "{missing}");
        let empty = error_with(Pem::Inline(Secret::new("nothing"))).await;
        assert!(
            empty.contains("ca is not usable: it holds no certificate in PEM form"),
            "{empty}"
        );
    });
}

#[test]
fn whoever_asks_is_told_of_the_server() {
    on_each_backend(|| async {
        let server = server();
        let trace = std::rc::Rc::new(crate::DialTrace::default());
        let client = trusting("ca.pem", |options| options.trace = Some(trace.clone()));
        get(&client, &server.https("/")).await.expect("answered");
        let peer = trace.peer.borrow().clone().expect("there was a handshake");
        assert_eq!(
            (peer.version, peer.http2, peer.verified),
            ("TLS 1.3", true, true)
        );
        assert!(!peer.certificates.is_empty());
        assert!(Duration::ZERO < trace.handshakes.get());
    });
}
