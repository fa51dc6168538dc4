//! The server against slow, idle and greedy clients.

use super::*;

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.address).await.expect("loopback")
}

/// When the server closes the connection, in seconds from now.
async fn closed_after(mut stream: TcpStream) -> u64 {
    let began = runtime::now();
    read_until(&mut stream, b"never").await;
    (runtime::now() - began).as_secs()
}

fn quick() -> ServerOptions {
    let mut options = ServerOptions::standard();
    options.header_timeout = 5 * SECOND;
    options.idle_timeout = 60 * SECOND;
    options
}

#[test]
fn a_connection_without_a_request_is_closed_after_the_header_timeout() {
    simulated(|| async {
        let server = TestServer::with(quick(), |_| ok(""));
        assert_eq!(closed_after(connect(&server).await).await, 5);
        assert_eq!(server.server.connections(), 0);
    });
}

#[test]
fn slow_headers_are_cut_even_when_bytes_keep_coming() {
    simulated(|| async {
        let server = TestServer::with(quick(), |_| ok(""));
        let mut stream = connect(&server).await;
        write(&mut stream, "GET / HTTP/1.1\r\n").await;
        let began = runtime::now();
        // A byte a second, as slow-loris clients do it.
        loop {
            runtime::sleep(SECOND).await;
            let (written, _) = stream.write_all(Bytes::from_static(b"a")).await;
            if written.is_err() || server.server.connections() == 0 {
                break;
            }
        }
        let took = (runtime::now() - began).as_secs();
        assert!((4..=7).contains(&took), "cut after {took} s");
    });
}

#[test]
fn an_idle_connection_is_closed_after_the_idle_timeout() {
    simulated(|| async {
        let server = TestServer::with(quick(), |_| ok("fine"));
        let mut stream = connect(&server).await;
        write(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_until(&mut stream, b"fine").await;
        let took = closed_after(stream).await;
        assert!((59..=61).contains(&took), "closed after {took} s");
    });
}

#[test]
fn a_later_request_with_slow_headers_is_cut() {
    simulated(|| async {
        let server = TestServer::with(quick(), |_| ok("fine"));
        let mut stream = connect(&server).await;
        write(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_until(&mut stream, b"fine").await;
        runtime::sleep(20 * SECOND).await;
        write(&mut stream, "GET / HTTP/1.1\r\n").await;
        let took = closed_after(stream).await;
        assert!((5..=10).contains(&took), "closed after {took} s");
    });
}

#[test]
fn a_slow_handler_is_not_a_slow_client() {
    simulated(|| async {
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        let handler: Handler = Rc::new(|_| {
            Box::pin(async {
                runtime::sleep(300 * SECOND).await;
                ok("late")
            })
        });
        let _server = serve(listener, handler, quick());
        let target = Target::parse(&format!("http://{address}/")).expect("valid");
        let request = Request::get(&target);
        let response = client(|_| {}).send(&request, 400 * SECOND, LIMITS).await;
        assert_eq!(response.expect("answered").body, b"late");
    });
}

#[test]
fn at_the_most_connections_further_ones_wait() {
    simulated(|| async {
        let mut options = quick();
        options.connections_max = 1;
        let server = TestServer::with(options, |_| ok("fine"));
        let silent = connect(&server).await;
        let began = runtime::now();
        let response = get(&client(|_| {}), &server.url("/"))
            .await
            .expect("answered later");
        assert_eq!(response.body, b"fine");
        assert_eq!(
            (runtime::now() - began).as_secs(),
            5,
            "the silent one was cut first"
        );
        drop(silent);
    });
}

/// A server whose requests take ten seconds.
fn slow_server() -> (SocketAddr, Server) {
    let listener = listen();
    let address = listener.local_addr().expect("bound");
    let handler: Handler = Rc::new(|_| {
        Box::pin(async {
            runtime::sleep(10 * SECOND).await;
            ok("done")
        })
    });
    (address, serve(listener, handler, quick()))
}

#[test]
fn shutting_down_finishes_what_was_begun_and_takes_nothing_new() {
    simulated(|| async {
        let (address, server) = slow_server();
        let target = Target::parse(&format!("http://{address}/")).expect("valid");
        let (finished, mut result) = runtime::sync::oneshot::channel();
        let begun = target.clone();
        runtime::spawn(async move {
            let _ = finished.send(get(&client(|_| {}), &begun).await.map(|r| r.body).ok());
        });
        runtime::sleep(SECOND).await;
        let began = runtime::now();
        assert!(server.shutdown(60 * SECOND).await, "all ended in time");
        assert_eq!((runtime::now() - began).as_secs(), 9);
        runtime::sleep(SECOND).await;
        assert_eq!(result.try_recv(), Some(Some(b"done".to_vec())));
        assert_eq!(
            kind(get(&client(|_| {}), &target).await),
            ErrorKind::Connect
        );
    });
}

#[test]
fn shutting_down_does_not_wait_longer_than_told() {
    simulated(|| async {
        let (address, server) = slow_server();
        let target = Target::parse(&format!("http://{address}/")).expect("valid");
        runtime::spawn(async move {
            // Whether this one still gets its answer is not the question here.
            let _ = get(&client(|_| {}), &target).await;
        });
        runtime::sleep(SECOND).await;
        assert!(!server.shutdown(3 * SECOND).await, "one request is left");
    });
}

#[test]
fn a_handler_reads_bodies_within_its_limits() {
    on_each_backend(|| async {
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        let handler: Handler = Rc::new(|mut incoming: Incoming| {
            Box::pin(async move {
                let mut body = Vec::new();
                match incoming.read_body(BodyLimits::both(1000), &mut body).await {
                    Ok(wire_bytes) => Answer::text(StatusCode::OK, &wire_bytes.to_string()),
                    Err(error) => Answer::text(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
                }
            })
        });
        let _server = serve(listener, handler, quick());
        let target = Target::parse(&format!("http://{address}/")).expect("valid");
        let client = client(|_| {});
        for (bytes, status, text) in [
            (1000, 200, "1000\n"),
            (
                1001,
                413,
                "body is larger than 1000 bytes before decompression\n",
            ),
        ] {
            let request = Request::post(&target, Bytes::from(vec![0; bytes]));
            let response = client
                .send(&request, PATIENCE, LIMITS)
                .await
                .expect("answered");
            assert_eq!(response.head.status.as_u16(), status);
            assert_eq!(String::from_utf8_lossy(&response.body), text);
        }
    });
}

#[test]
fn a_body_that_does_not_come_ends_at_the_body_timeout() {
    simulated(|| async {
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        let handler: Handler = Rc::new(|mut incoming: Incoming| {
            Box::pin(async move {
                let read = incoming.read_body(LIMITS, &mut Vec::new()).await;
                let kind = read.expect_err("it never comes").kind();
                Answer::text(StatusCode::REQUEST_TIMEOUT, kind.as_str())
            })
        });
        let _server = serve(listener, handler, quick());
        let mut stream = TcpStream::connect(address).await.expect("loopback");
        write(
            &mut stream,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort",
        )
        .await;
        let answer = read_until(&mut stream, b"timeout\n").await;
        assert!(
            answer.starts_with(b"HTTP/1.1 408 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    });
}
