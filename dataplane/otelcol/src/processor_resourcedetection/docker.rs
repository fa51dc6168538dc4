//! The detector `docker`: asks the engine on this machine for its host.

use std::time::Duration;

use batch::otlp::AnyValue;
use serde_json::Value;

use super::{Detected, environment, only, text};

/// Limit: bytes of the engine's answer; what it tells of itself takes a few KiB.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Asks the engine that `DOCKER_HOST` names, or the one at the usual place.
pub async fn detect(wanted: &[&'static str], timeout: Duration) -> Result<Detected, String> {
    let host = environment::variable("DOCKER_HOST").filter(|it| !it.is_empty());
    let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    let Some(path) = host.strip_prefix("unix://").map(str::to_owned) else {
        return Err(format!(
            "DOCKER_HOST is \"{host}\": only an engine behind a socket of this machine, \
             unix:///PATH, can be asked"
        ));
    };
    let asked = runtime::service::blocking(move || ask(&path, timeout)).await;
    let answer = asked.map_err(|error| format!("failed getting docker info: {error}"))?;
    facts(&answer, wanted)
}

/// One request of HTTP/1.0, so that the answer ends where the connection does.
#[cfg(unix)]
fn ask(path: &str, timeout: Duration) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Write};

    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(not(unix))]
fn ask(_: &str, _: Duration) -> std::io::Result<Vec<u8>> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// What an answer tells, its head included.
fn facts(answer: &[u8], wanted: &[&'static str]) -> Result<Detected, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.map_or(answer.len(), |end| end + 4));
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if status != b"200" {
        let status = String::from_utf8_lossy(status);
        return Err(format!("the engine answered \"{status}\", not 200"));
    }
    let info: Value = serde_json::from_slice(body)
        .map_err(|error| format!("the engine's answer is not JSON: {error}"))?;
    let field = |name: &str| -> Option<AnyValue<'static>> { info[name].as_str().map(text) };
    Ok(Detected::new(only(wanted, |name| match name {
        "host.name" => field("Name"),
        "os.type" => field("OSType"),
        _ => None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_read_from_the_answer() {
        let answer =
            b"HTTP/1.0 200 OK\r\nServer: Docker\r\n\r\n{\"Name\":\"h1\",\"OSType\":\"linux\"}";
        let found = facts(answer, &["host.name", "os.type"]).expect("an answer");
        let values = found
            .attributes
            .iter()
            .map(|it| crate::any_text::any_text(&it.value));
        assert_eq!(values.collect::<Vec<_>>(), ["h1", "linux"]);
    }

    #[test]
    fn what_is_no_answer_of_an_engine_is_an_error() {
        for answer in [
            &b""[..],
            b"HTTP/1.0 500 no\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\n\r\nx",
        ] {
            assert!(facts(answer, &["host.name"]).is_err());
        }
    }
}
