//! Peers that break, stall and babble.

use super::*;

/// Gives each connection its raw answers, one for each head of a request, and then closes it.
fn raw_server(answers: Vec<Vec<&'static str>>) -> (SocketAddr, Rc<RefCell<usize>>) {
    let listener = listen();
    let address = listener.local_addr().expect("bound");
    let accepted = Rc::new(RefCell::new(0));
    let count = accepted.clone();
    runtime::spawn(async move {
        for connection in answers {
            let (mut stream, _) = listener.accept().await.expect("loopback");
            *count.borrow_mut() += 1;
            for answer in connection {
                read_until(&mut stream, b"\r\n\r\n").await;
                write(&mut stream, answer).await;
            }
        }
    });
    (address, accepted)
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

fn target(address: SocketAddr) -> Target {
    Target::parse(&format!("http://{address}/")).expect("valid")
}

#[test]
fn a_request_on_a_dead_kept_connection_is_sent_again_on_a_new_one() {
    on_each_backend(|| async {
        let (address, accepted) = raw_server(vec![vec![FINE, ""], vec![FINE]]);
        let client = client(|_| {});
        for _ in 0..2 {
            let response = get(&client, &target(address)).await.expect("answered");
            assert_eq!(response.body, b"fine");
        }
        assert_eq!(*accepted.borrow(), 2);
    });
}

#[test]
fn an_answer_that_breaks_off_is_an_error_and_not_asked_for_again() {
    on_each_backend(|| async {
        let begun = "HTTP/1.1 200 OK\r\nContent-Le";
        let (address, accepted) = raw_server(vec![vec![FINE, begun], vec![FINE]]);
        let client = client(|_| {});
        get(&client, &target(address)).await.expect("answered");
        let error = get(&client, &target(address))
            .await
            .expect_err("broken off");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(*accepted.borrow(), 1);
    });
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    on_each_backend(|| async {
        let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
        let (address, _) = raw_server(vec![vec![short]]);
        let error = get(&client(|_| {}), &target(address))
            .await
            .expect_err("broken off");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("connection to \"{address}\" broke: "))
        );
    });
}

#[test]
fn what_is_not_http_is_said_to_be_so() {
    on_each_backend(|| async {
        let (address, _) = raw_server(vec![vec!["SSH-2.0-OpenSSH\r\n\r\n"]]);
        let error = get(&client(|_| {}), &target(address))
            .await
            .expect_err("not HTTP");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("\"{address}\" did not answer in HTTP: ")),
            "{text}"
        );
        assert!(text.ends_with("; check scheme and port"), "{text}");
    });
}

#[test]
fn a_refused_connection_names_the_endpoint() {
    on_each_backend(|| async {
        // Nobody listens on the port for TCP multiplexing.
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let error = get(&client(|_| {}), &target(address))
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot connect to \"{address}\": "))
        );
    });
}

#[test]
fn an_unknown_name_is_an_error_of_resolving() {
    on_each_backend(|| async {
        let target = Target::parse("http://no-such-name.invalid/").expect("valid");
        let error = get(&client(|_| {}), &target).await.expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::Resolve, "{error}");
    });
}

#[test]
fn the_timeout_covers_a_silent_server_and_a_stalled_body() {
    simulated(|| async {
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"] {
            let listener = listen();
            let address = listener.local_addr().expect("bound");
            runtime::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("loopback");
                read_until(&mut stream, b"\r\n\r\n").await;
                write(&mut stream, answer).await;
                runtime::sleep(1000 * SECOND).await;
            });
            let began = runtime::now();
            let client = client(|_| {});
            let request = Request::get(&target(address));
            let error = client
                .send(&request, 10 * SECOND, LIMITS)
                .await
                .expect_err("silent");
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert_eq!(
                error.to_string(),
                format!(
                    "no answer from \"{address}\" within 10s; raise the timeout or check the \
                     endpoint"
                )
            );
            assert_eq!((runtime::now() - began).as_secs(), 10);
            assert_eq!(client.kept_connections(), 0);
        }
    });
}

#[test]
fn an_answer_with_close_is_not_kept() {
    on_each_backend(|| async {
        let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine";
        let (address, accepted) = raw_server(vec![vec![closing], vec![closing]]);
        let client = client(|_| {});
        for _ in 0..2 {
            assert_eq!(
                get(&client, &target(address)).await.expect("answered").body,
                b"fine"
            );
            assert_eq!(client.kept_connections(), 0);
        }
        assert_eq!(*accepted.borrow(), 2);
    });
}

#[test]
fn chunks_arrive_whole_and_their_connection_is_used_again() {
    on_each_backend(|| async {
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                      4\r\nfine\r\n6;x=y\r\n, all \r\n3\r\nof \r\n2\r\nit\r\n0\r\n\r\n";
        let (address, accepted) = raw_server(vec![vec![chunks, chunks]]);
        let client = client(|_| {});
        for _ in 0..2 {
            let response = get(&client, &target(address)).await.expect("answered");
            assert_eq!(response.body, b"fine, all of it");
            assert_eq!(response.head.wire_bytes, 15);
        }
        assert_eq!(*accepted.borrow(), 1);
    });
}

#[test]
fn chunks_that_break_off_or_make_no_sense_are_errors() {
    on_each_backend(|| async {
        for chunks in ["4\r\nfi", "4\r\nfine\r\n", "x\r\n", "4\r\nfine, all"] {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let answer: &'static str = format!("{head}{chunks}").leak();
            let (address, _) = raw_server(vec![vec![answer]]);
            let error = get(&client(|_| {}), &target(address)).await;
            let error = error.expect_err("broken off");
            assert_eq!(error.kind(), ErrorKind::Protocol, "{chunks}: {error}");
        }
    });
}

#[test]
fn a_body_without_length_ends_with_its_connection() {
    on_each_backend(|| async {
        let answer = "HTTP/1.0 200 OK\r\n\r\nall that comes";
        let (address, _) = raw_server(vec![vec![answer]]);
        let client = client(|_| {});
        let response = get(&client, &target(address)).await.expect("answered");
        assert_eq!(response.body, b"all that comes");
        assert_eq!(client.kept_connections(), 0);
    });
}

#[test]
fn bytes_behind_an_answer_are_not_taken_for_the_next_one() {
    simulated(|| async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine, and more";
        let (address, accepted) = raw_server(vec![vec![answer, ""], vec![FINE]]);
        let client = client(|_| {});
        for _ in 0..2 {
            let response = get(&client, &target(address)).await.expect("answered");
            assert_eq!(response.body, b"fine");
            runtime::sleep(SECOND).await;
        }
        assert_eq!(*accepted.borrow(), 2);
    });
}

#[test]
fn a_refusal_that_comes_before_the_body_was_taken_is_read() {
    on_each_backend(|| async {
        let refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!";
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        runtime::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("loopback");
            let (read, _) = stream.read(Vec::with_capacity(1024)).await;
            read.expect("a request");
            write(&mut stream, refusal).await;
            runtime::sleep(1000 * SECOND).await;
        });
        let body = Bytes::from(vec![7; 64 << 20]);
        let client = client(|_| {});
        let request = Request::post(&target(address), body);
        let answer = client.send(&request, 20 * SECOND, LIMITS).await;
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.head.status.as_u16(), &*answer.body),
            (413, &b"no!"[..])
        );
        assert_eq!(client.kept_connections(), 0, "the rest of the body is owed");
    });
}
