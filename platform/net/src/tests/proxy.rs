//! Requests through proxies.

use super::*;

#[test]
fn plain_requests_name_the_whole_url_to_the_proxy() {
    on_each_backend(|| async {
        let proxy = TestServer::start(|_| ok("from the proxy"));
        let address = proxy.address;
        let client = client(|options| {
            let url = format!("http://me:p%40ss@{address}");
            options.proxy.proxy = Proxy::Fixed {
                url,
                no_proxy: String::new(),
            };
        });
        let target = Target::parse("http://far.invalid:81/x?y=z").expect("valid");
        assert_eq!(
            get(&client, &target).await.expect("answered").body,
            b"from the proxy"
        );
        assert_eq!(proxy.seen.uris(), ["GET http://far.invalid:81/x?y=z"]);
        assert_eq!(proxy.seen.header(0, "host"), "far.invalid:81");
        assert_eq!(
            proxy.seen.header(0, "proxy-authorization"),
            "Basic bWU6cEBzcw=="
        );
    });
}

#[test]
fn what_no_proxy_names_is_reached_directly() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok("direct"));
        let client = client(|options| {
            let url = "http://no-such-proxy.invalid:1".to_owned();
            options.proxy.proxy = Proxy::Fixed {
                url,
                no_proxy: "127.0.0.0/8".to_owned(),
            };
        });
        assert_eq!(
            get(&client, &server.url("/")).await.expect("answered").body,
            b"direct"
        );
    });
}

/// A proxy that answers CONNECT with `answer` and, if that opens the way, is the far server itself.
fn tunnelling(answer: &'static str) -> (SocketAddr, Seen, Rc<RefCell<String>>) {
    let listener = listen();
    let address = listener.local_addr().expect("bound");
    let (seen, asked) = (Seen::default(), Rc::new(RefCell::new(String::new())));
    let (handler, connect) = (remembering(seen.clone(), |_| ok("far")), asked.clone());
    runtime::spawn(async move {
        let (mut stream, peer) = listener.accept().await.expect("loopback");
        let head = read_until(&mut stream, b"\r\n\r\n").await;
        *connect.borrow_mut() = String::from_utf8(head).expect("text");
        write(&mut stream, answer).await;
        // A client that was refused goes away, which is no failure of this test.
        let _ = crate::server::serve_one(stream, peer, handler, tls_server(ClientAuth::None)).await;
    });
    (address, seen, asked)
}

fn through(proxy: SocketAddr) -> Client {
    client(|options| {
        options.tls.ca = Some(text("ca.pem"));
        options
            .proxy
            .connect_headers
            .insert("x-tunnel", HeaderValue::from_static("t"));
        let url = format!("http://{proxy}");
        options.proxy.proxy = Proxy::Fixed {
            url,
            no_proxy: String::new(),
        };
    })
}

#[test]
fn https_goes_through_a_tunnel_end_to_end() {
    on_each_backend(|| async {
        let (proxy, seen, asked) = tunnelling("HTTP/1.1 200 Connection established\r\n\r\n");
        let client = through(proxy);
        let target = Target::parse("https://sink.example.test:444/x").expect("valid");
        for _ in 0..2 {
            assert_eq!(get(&client, &target).await.expect("answered").body, b"far");
        }
        assert_eq!(
            *asked.borrow(),
            "CONNECT sink.example.test:444 HTTP/1.1\r\nHost: sink.example.test:444\r\n\
             x-tunnel: t\r\n\r\n"
        );
        assert_eq!(seen.count(), 2);
        assert_eq!(
            seen.header(0, "x-tunnel"),
            "",
            "the far server does not see it"
        );
    });
}

#[test]
fn a_refused_tunnel_says_who_refused_it() {
    on_each_backend(|| async {
        let (proxy, seen, _) =
            tunnelling("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        let target = Target::parse("https://sink.example.test/").expect("valid");
        let error = get(&through(proxy), &target).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert_eq!(
            error.to_string(),
            format!(
                "proxy \"{proxy}\" gave no tunnel to \"sink.example.test:443\": it answered 407 \
                 Proxy Authentication Required; check proxy_url"
            )
        );
        assert_eq!(seen.count(), 0);
    });
}
