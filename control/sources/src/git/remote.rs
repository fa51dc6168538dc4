//! Ways to a repository: HTTP, and programs that speak the protocol over their standard input and
//! output, `git-upload-pack` for a path of this machine and `ssh` for others.
//!
//! Each exchange is a request with its whole answer; the protocol keeps no state between them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use net::{BodyLimits, Client, HeaderValue, Request, header};

use super::GitError;
use super::limits::ANSWER_BYTES_MAX;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A repository to read from.
pub enum Remote {
    Http {
        client: Client,
        request: Request,
    },
    /// Runs a program for each exchange.
    Program {
        program: String,
        arguments: Vec<String>,
    },
}

impl Remote {
    /// A repository at an `http` or `https` URL.
    pub fn http(url: &str, client: Client) -> Result<Remote, GitError> {
        let url = format!("{}/git-upload-pack", url.trim_end_matches('/'));
        let target = net::Target::parse(&url).map_err(|error| GitError::new(error.to_string()))?;
        let mut request = Request::post(&target, net::Bytes::new());
        for (name, value) in [
            (
                header::CONTENT_TYPE,
                "application/x-git-upload-pack-request",
            ),
            (header::ACCEPT, "application/x-git-upload-pack-result"),
        ] {
            request
                .headers
                .insert(name, HeaderValue::from_static(value));
        }
        let version = HeaderValue::from_static("version=2");
        request.headers.insert("git-protocol", version);
        Ok(Remote::Http { client, request })
    }

    /// A repository in a folder of this machine.
    pub fn folder(path: &str) -> Remote {
        let arguments = ["upload-pack", "--stateless-rpc", "--", path];
        Remote::Program {
            program: "git".to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
        }
    }

    /// A repository that `ssh` reaches; `options` come before the host.
    pub fn ssh(host: &str, path: &str, options: Vec<String>) -> Remote {
        let mut arguments: Vec<String> = [
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=10",
            "-o",
            "ServerAliveInterval=10",
            "-o",
            "SendEnv=GIT_PROTOCOL",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(options);
        arguments.extend(["--".to_owned(), host.to_owned()]);
        // The shell at the other end takes it apart again.
        let quoted = path.replace('\'', "'\\''");
        arguments.push(format!("git-upload-pack '{quoted}'"));
        Remote::Program {
            program: "ssh".to_owned(),
            arguments,
        }
    }

    pub(super) async fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, GitError> {
        match self {
            Remote::Http {
                client,
                request: template,
            } => {
                let mut sent = template.clone();
                sent.body = net::Bytes::from(request).into();
                let limits = BodyLimits::both(ANSWER_BYTES_MAX);
                let answer = client.send(&sent, TIMEOUT, limits).await;
                let answer = answer.map_err(|error| GitError::new(error.to_string()))?;
                let status = answer.head.status;
                if !status.is_success() {
                    return Err(GitError::new(format!(
                        "server returned HTTP status {status}"
                    )));
                }
                Ok(answer.body)
            }
            Remote::Program { program, arguments } => {
                let (program, arguments) = (program.clone(), arguments.clone());
                let run = move || run(&program, &arguments, &request);
                let ran = tokio::task::spawn_blocking(run).await;
                ran.unwrap_or_else(|_| Err(GitError::new("the program could not be run")))
            }
        }
    }
}

/// Runs a program to its end. A request fits into a pipe, so that writing it does not wait for the
/// answer to be read.
fn run(program: &str, arguments: &[String], request: &[u8]) -> Result<Vec<u8>, GitError> {
    let failed = |error: std::io::Error| GitError::new(format!("cannot run {program:?}: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        .env("GIT_PROTOCOL", "version=2")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let input = child.stdin.take();
    // One that ends without reading says why itself.
    let written = input.map(|mut input| input.write_all(request));
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        let mut output = output.take(ANSWER_BYTES_MAX + 1);
        output.read_to_end(&mut answer).map_err(failed)?;
    }
    if answer.len() as u64 > ANSWER_BYTES_MAX {
        child.kill().map_err(failed)?;
        child.wait().map_err(failed)?;
        let message = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
        return Err(GitError::new(message));
    }
    let ended = child.wait_with_output().map_err(failed)?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.trim().lines().last().unwrap_or_default().to_owned();
        return Err(GitError::new(format!("{program} failed: {said}")));
    }
    if let Some(Err(error)) = written {
        return Err(failed(error));
    }
    Ok(answer)
}
