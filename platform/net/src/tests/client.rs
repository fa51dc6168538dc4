//! What a client does when all goes well.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

#[test]
fn one_connection_serves_request_after_request() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok("fine"));
        let client = client(|_| {});
        for _ in 0..5 {
            let response = get(&client, &server.url("/a?b=c")).await.expect("answered");
            assert_eq!(response.body, b"fine");
            assert_eq!(response.head.wire_bytes, 4);
        }
        assert_eq!(server.seen.count(), 5);
        assert_eq!(server.seen.connections(), 1);
        assert_eq!(server.seen.uris()[0], "GET /a?b=c");
        assert_eq!(client.kept_connections(), 1);
        assert_eq!(server.server.connections(), 1);
    });
}

#[test]
fn requests_at_once_have_connections_of_their_own() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok(""));
        let client = client(|_| {});
        let done = runtime::sync::Semaphore::new(0);
        for _ in 0..4 {
            let (client, target, done) = (client.clone(), server.url("/"), done.clone());
            runtime::spawn(async move {
                get(&client, &target).await.expect("answered");
                done.add_permits(1);
            });
        }
        done.acquire(4).await;
        assert_eq!(server.seen.count(), 4);
        assert!(client.kept_connections() <= 4);
    });
}

#[test]
fn bodies_and_headers_reach_the_server() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| Answer::empty(StatusCode::NO_CONTENT));
        let client = client(|options| {
            options
                .headers
                .insert("x-configured", HeaderValue::from_static("1"));
        });
        let body = Bytes::from(vec![7; 300_000]);
        let mut request = Request::post(&server.url("/write"), body.clone());
        request
            .headers
            .insert("x-own", HeaderValue::from_static("2"));
        let response = client
            .send(&request, PATIENCE, LIMITS)
            .await
            .expect("answered");
        assert_eq!(response.head.status, StatusCode::NO_CONTENT);
        assert!(server.seen.0.borrow()[0].body == body);
        for (name, value) in [
            ("x-configured", "1"),
            ("x-own", "2"),
            ("user-agent", "test/1"),
            ("accept-encoding", "gzip"),
            ("host", &server.address.to_string()),
            ("content-length", "300000"),
        ] {
            assert_eq!(server.seen.header(0, name), value, "{name}");
        }
    });
}

fn gzip_of(size: usize) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![b'x'; size]).expect("memory");
    Bytes::from(encoder.finish().expect("memory"))
}

fn packed(size: usize) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer.body = gzip_of(size);
    answer
}

#[test]
fn gzip_is_unpacked_into_the_callers_buffer() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| packed(700_000));
        let client = client(|_| {});
        let mut body = Vec::new();
        let mut grown = 0;
        for round in 0..3 {
            let request = Request::get(&server.url("/"));
            let head = client
                .send_into(&request, PATIENCE, LIMITS, &mut body)
                .await;
            let head = head.expect("answered");
            assert_eq!(body.len(), 700_000);
            assert_eq!(head.wire_bytes, gzip_of(700_000).len() as u64);
            assert!(
                round == 0 || body.capacity() == grown,
                "no growth after the first"
            );
            grown = body.capacity();
        }
    });
}

#[test]
fn a_gzip_bomb_is_stopped_and_its_connection_is_not_used_again() {
    on_each_backend(|| async {
        let server = TestServer::start(|asked| match asked.uri.as_str() {
            "/bomb" => packed(500 << 20 >> 4),
            _ => ok("fine"),
        });
        let client = client(|_| {});
        let mut body = Vec::new();
        let request = Request::get(&server.url("/bomb"));
        let error = client
            .send_into(&request, PATIENCE, LIMITS, &mut body)
            .await;
        let error = error.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::BodyTooLarge);
        assert_eq!(
            error.to_string(),
            "body is larger than 1048576 bytes after decompression"
        );
        assert!(body.capacity() < 4 << 20, "grew to {}", body.capacity());
        assert_eq!(client.kept_connections(), 0);
        get(&client, &server.url("/"))
            .await
            .expect("the next request is fine");
    });
}

#[test]
fn a_body_of_the_limit_passes_and_one_byte_more_does_not() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok("12345"));
        let client = client(|_| {});
        let request = Request::get(&server.url("/"));
        for (limit, fits) in [(5, true), (4, false)] {
            let result = client
                .send(&request, PATIENCE, BodyLimits::both(limit))
                .await;
            assert_eq!(result.is_ok(), fits, "limit {limit}");
        }
    });
}

#[test]
fn redirects_are_followed_as_go_follows_them() {
    on_each_backend(|| async {
        let server = TestServer::start(|asked| match asked.uri.as_str() {
            "/see-other" => redirect(303, "/end?a=b"),
            "/found" => redirect(302, "/see-other"),
            "/temporary" => redirect(307, "end"),
            "/without" => Answer::empty(StatusCode::FOUND),
            _ => ok("end"),
        });
        let client = client(|_| {});
        let mut request = Request::post(&server.url("/found"), Bytes::from_static(b"text"));
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("a/b"));
        let response = client
            .send(&request, PATIENCE, LIMITS)
            .await
            .expect("answered");
        assert_eq!(response.body, b"end");
        assert_eq!(
            server.seen.uris(),
            ["POST /found", "GET /see-other", "GET /end?a=b"]
        );
        assert_eq!(server.seen.header(2, "content-type"), "");
        request.target = server.url("/temporary");
        client
            .send(&request, PATIENCE, LIMITS)
            .await
            .expect("answered");
        assert_eq!(server.seen.uris()[3..], ["POST /temporary", "POST /end"]);
        assert_eq!(server.seen.0.borrow()[4].body, b"text");
        let stays = get(&client, &server.url("/without"))
            .await
            .expect("answered");
        assert_eq!(stays.head.status, StatusCode::FOUND);
        assert_eq!(
            server.seen.connections(),
            1,
            "small bodies of redirects are read to the end"
        );
    });
}

#[test]
fn redirects_end_after_ten_and_can_be_left_alone() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| redirect(302, "/again"));
        let error = get(&client(|_| {}), &server.url("/"))
            .await
            .expect_err("endless");
        assert_eq!(error.to_string(), "stopped after 10 redirects");
        assert_eq!(error.kind(), ErrorKind::Request);
        assert_eq!(server.seen.count(), 11);
        let patient = client(|options| options.follow_redirects = false);
        let response = get(&patient, &server.url("/")).await.expect("answered");
        assert_eq!(response.head.status, StatusCode::FOUND);
        assert_eq!(response.body, b"moved");
    });
}

#[test]
fn an_override_takes_the_place_of_dns() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok("ours"));
        let address = server.address;
        let client = client(|options| {
            options.overrides = vec![("alloy.internal:12345".to_owned(), address)];
        });
        let target = Target::parse("http://alloy.internal:12345/x").expect("valid");
        assert_eq!(get(&client, &target).await.expect("answered").body, b"ours");
        assert_eq!(server.seen.header(0, "host"), "alloy.internal:12345");
    });
}

#[test]
fn names_are_resolved_by_the_system() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok("fine"));
        let url = format!("http://localhost:{}/", server.address.port());
        let target = Target::parse(&url).expect("valid");
        let client = client(|_| {});
        assert_eq!(get(&client, &target).await.expect("answered").body, b"fine");
    });
}

#[test]
fn idle_and_old_connections_are_closed() {
    simulated(|| async {
        let server = TestServer::start(|_| ok(""));
        let client = client(|options| {
            options.pool.idle_max = 30 * SECOND;
            options.pool.age_max = 100 * SECOND;
        });
        for (pause, connections) in [(0, 1), (29, 1), (31, 2), (25, 2), (25, 2), (25, 2), (26, 3)] {
            runtime::sleep(pause * SECOND).await;
            get(&client, &server.url("/")).await.expect("answered");
            assert_eq!(server.seen.connections(), connections, "after {pause} s");
        }
        runtime::sleep(61 * SECOND).await;
        assert_eq!(
            client.kept_connections(),
            0,
            "closed although no request came"
        );
        runtime::sleep(SECOND).await;
        assert_eq!(server.server.connections(), 0);
    });
}

#[test]
fn a_streamed_answer_comes_piece_by_piece_while_the_server_waits() {
    on_each_backend(|| async {
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        let read = runtime::sync::Semaphore::new(0);
        let first_read = read.clone();
        runtime::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("loopback");
            let head = read_until(&mut stream, b"\r\n\r\n").await;
            let head = String::from_utf8_lossy(&head).to_lowercase();
            assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
            let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
            write(&mut stream, begin).await;
            // The second piece is written only after the first was read.
            first_read.acquire(1).await;
            write(&mut stream, "3\r\ntwo\r\n0\r\n\r\n").await;
        });
        let target = Target::parse(&format!("http://{address}/watch")).expect("valid");
        let opened = client(|_| {}).open(&Request::get(&target), PATIENCE).await;
        let mut answer = opened.expect("answered");
        assert_eq!(answer.head.status, StatusCode::OK);
        assert_eq!(
            answer.chunk().await.expect("one").as_deref(),
            Some(&b"one"[..])
        );
        read.add_permits(1);
        assert_eq!(
            answer.chunk().await.expect("two").as_deref(),
            Some(&b"two"[..])
        );
        assert_eq!(answer.chunk().await.expect("its end"), None);
    });
}

#[cfg(unix)]
#[test]
#[allow(clippy::disallowed_methods)] // The engine stands beside the runtime, as a process would.
fn a_socket_of_this_machine_is_spoken_to_by_its_path() {
    use std::io::{Read, Write};
    on_real_backends(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("engine.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            for _ in 0..2 {
                let mut request = [0; 4096];
                let len = stream.read(&mut request).expect("a request");
                assert!(request[..len].starts_with(b"GET /info HTTP/1.1\r\n"));
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
                stream.write_all(answer).expect("answered");
            }
        });
        let client = client(|options| options.socket_path = Some(path.clone()));
        let target = Target::parse("http://docker/info").expect("a URL");
        for _ in 0..2 {
            let response = get(&client, &target).await.expect("answered");
            assert_eq!(response.body, b"fine");
        }
        answering.join().expect("it has answered twice");
    });
}
