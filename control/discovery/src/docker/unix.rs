//! One HTTP request over a unix socket. The engine is on this machine and asked once a minute: a
//! connection a request is cheap enough.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use net::{Bytes, StatusCode};
use tokio::net::UnixStream;

use crate::limits::ANSWER_BYTES_MAX;

pub(super) async fn get(
    socket: &str,
    path: &str,
    user_agent: &str,
    timeout: Duration,
) -> Result<(StatusCode, Vec<u8>), String> {
    let exchange = tokio::time::timeout(timeout, exchange(socket, path, user_agent));
    match exchange.await {
        Ok(result) => result.map_err(|error| format!("{socket}: {error}")),
        Err(_) => Err(format!("{socket} did not answer within {timeout:?}")),
    }
}

async fn exchange(
    socket: &str,
    path: &str,
    user_agent: &str,
) -> Result<(StatusCode, Vec<u8>), String> {
    let stream = UnixStream::connect(socket).await;
    let stream = TokioIo::new(stream.map_err(|error| error.to_string())?);
    let handshake = http1::handshake(stream).await;
    let (mut sender, driver) = handshake.map_err(|error| error.to_string())?;
    let request = http::Request::get(path)
        .header("Host", "docker")
        .header("User-Agent", user_agent)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status();
        let limit = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), limit).collect().await;
        let body = body.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes().to_vec()))
    };
    let mut answer = std::pin::pin!(answer);
    // The connection has nothing to do once the answer is whole; its failure reaches the answer.
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        ended = driver => {
            if let Err(error) = ended {
                tracing::debug!("connection to {socket} ended: {error}");
            }
        }
    }
    answer.await
}
