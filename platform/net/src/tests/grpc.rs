//! Calls over HTTP/2, with and without TLS: trailers, many at once, old connections.

use super::*;
use crate::codec::Codec;
use crate::grpc::{self, Code, Status};
use crate::{Chunks, Protocols};

fn http2() -> ServerOptions {
    let mut options = ServerOptions::standard();
    options.protocols = Protocols::Http2;
    options
}

fn speaking_http2() -> Client {
    client(|options| options.http2_only = true)
}

/// Answers with the message of the call.
fn echo(asked: &Asked) -> Answer {
    let encoding = asked.headers.get(grpc::GRPC_ENCODING);
    let encoding = encoding.and_then(|encoding| encoding.to_str().ok());
    match grpc::unframe(asked.body.clone().into(), encoding, 100) {
        Ok(message) if message == "fail" => Status::new(Code::Aborted, "as asked").answer(),
        Ok(message) => grpc::ok(&message),
        Err(status) => status.answer(),
    }
}

fn call(target: &Target, message: &'static [u8], codec: Option<Codec>) -> Request {
    let framed = grpc::frame(&[Bytes::from_static(message)], codec).expect("memory");
    let mut request = Request::post(target, framed);
    if let Some(codec) = codec {
        let name = HeaderValue::from_static(codec.name());
        request.headers.insert(grpc::GRPC_ENCODING, name);
    }
    request
}

async fn outcome(client: &Client, request: &Request) -> (Status, Vec<u8>) {
    let response = client.send(request, PATIENCE, LIMITS).await;
    let Response { head, body } = response.expect("an answer");
    (Status::of(head.status, &head.headers, &head.trailers), body)
}

#[test]
fn a_call_is_answered_with_a_message_and_a_status_behind_it() {
    simulated(|| async {
        let server = TestServer::with(http2(), echo);
        let client = speaking_http2();
        for codec in [None, Some(Codec::Gzip), Some(Codec::Zstd)] {
            let request = call(&server.url("/service/Method"), b"hello", codec);
            let (status, body) = outcome(&client, &request).await;
            assert_eq!(status, Status::new(Code::Ok, ""));
            assert_eq!(body, b"\x00\x00\x00\x00\x05hello");
        }
        assert_eq!(server.server.connections(), 1, "all on one connection");
    });
}

#[test]
fn a_call_that_fails_has_its_status_in_the_head() {
    simulated(|| async {
        let server = TestServer::with(http2(), echo);
        let request = call(&server.url("/"), b"fail", None);
        let (status, body) = outcome(&speaking_http2(), &request).await;
        assert_eq!(status, Status::new(Code::Aborted, "as asked"));
        assert!(body.is_empty());
    });
}

#[test]
fn calls_go_over_tls_where_both_sides_agree_on_http2() {
    simulated(|| async {
        let mut options = tls_server(ClientAuth::None);
        options.protocols = Protocols::Http2;
        let server = TestServer::with(options, echo);
        let client = client(|options| {
            options.http2_only = true;
            options.tls.ca = Some(text("ca.pem"));
        });
        let request = call(&server.https("/"), b"hello", None);
        assert_eq!(outcome(&client, &request).await.0.code, Code::Ok);
    });
}

#[test]
fn a_body_in_pieces_arrives_as_one() {
    simulated(|| async {
        let server = TestServer::start(|_| ok(""));
        let pieces = vec![
            Bytes::from_static(b"one "),
            Bytes::new(),
            Bytes::from_static(b"two"),
        ];
        let request = Request::post(&server.url("/"), Chunks::from(pieces));
        let response = client(|_| {}).send(&request, PATIENCE, LIMITS).await;
        assert!(response.expect("an answer").head.status.is_success());
        assert_eq!(server.seen.0.borrow()[0].body, b"one two");
    });
}

#[test]
fn an_old_connection_takes_no_further_call() {
    simulated(|| async {
        let mut options = http2();
        options.age_max = Some(100 * SECOND);
        options.age_grace = Some(5 * SECOND);
        let server = TestServer::with(options, echo);
        let client = speaking_http2();
        let request = call(&server.url("/"), b"hello", None);
        for _ in 0..4 {
            assert_eq!(outcome(&client, &request).await.0.code, Code::Ok);
            runtime::sleep(40 * SECOND).await;
        }
        assert_eq!(outcome(&client, &request).await.0.code, Code::Ok);
        assert_eq!(
            server.server.connections(),
            1,
            "a new one in place of the old"
        );
    });
}
