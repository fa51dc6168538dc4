//! What the OpenTelemetry SDK of Python sends, over gRPC and over HTTP, arrives as it was sent:
//! through a receiver, an exporter over gRPC, a second receiver and files.

use std::process::Command;

use tests::invar::Invar;
use tests::{free_port, python, root};

#[test]
fn what_an_sdk_sends_arrives_as_it_was_sent() {
    let folder = root().join("tests/process/sdk");
    let python = python::with(&folder.join("requirements.txt"));
    let out = tempfile::tempdir().expect("a scratch folder");
    let (grpc, http, second) = (free_port(), free_port(), free_port());
    let mut invar = Invar::start(&config(
        grpc,
        http,
        second,
        &out.path().display().to_string(),
    ));
    let sent = Command::new(python)
        .arg(folder.join("send.py"))
        .args([grpc.to_string(), http.to_string()])
        .arg(out.path())
        .output()
        .expect("python runs");
    let told = String::from_utf8_lossy(&sent.stderr);
    assert!(sent.status.success(), "{told}\n{}", invar.log());
    assert!(invar.stop().success());
}

fn config(grpc: u16, http: u16, second: u16, out: &str) -> String {
    let file = |signal: &str| {
        format!(
            r#"
            otelcol.exporter.file "{signal}" {{
                path   = "{out}/{signal}.pb"
                format = "proto"
            }}"#
        )
    };
    format!(
        r#"
        otelcol.receiver.otlp "in" {{
            grpc {{ endpoint = "127.0.0.1:{grpc}" }}
            http {{ endpoint = "127.0.0.1:{http}" }}
            output {{
                traces  = [otelcol.exporter.otlp.on.input]
                metrics = [otelcol.exporter.otlp.on.input]
                logs    = [otelcol.exporter.otlp.on.input]
            }}
        }}
        otelcol.exporter.otlp "on" {{
            client {{
                endpoint = "127.0.0.1:{second}"
                tls {{ insecure = true }}
            }}
        }}
        otelcol.receiver.otlp "again" {{
            grpc {{ endpoint = "127.0.0.1:{second}" }}
            output {{
                traces  = [otelcol.exporter.file.traces.input]
                metrics = [otelcol.exporter.file.metrics.input]
                logs    = [otelcol.exporter.file.logs.input]
            }}
        }}
        {}{}{}
        "#,
        file("traces"),
        file("metrics"),
        file("logs")
    )
}
