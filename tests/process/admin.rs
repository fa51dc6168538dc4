//! What the admin server gives away and what it must not: secrets, streams, TLS's counterpart.

use std::io::Read as _;
use std::process::Command;
use std::time::Duration;

use tests::invar::{Invar, binary};
use tests::{eventually, free_port, http};

/// In every secret of the configuration, and nowhere else.
const CANARY: &str = "canary-Zx81q";

/// `u:canary-Zx81q-gate`
const LOGIN: (&str, &str) = ("Authorization", "Basic dTpjYW5hcnktWng4MXEtZ2F0ZQ==");

fn config(dead: u16) -> String {
    format!(
        r#"
logging {{
	level    = "debug"
	write_to = [loki.relabel.own.receiver]
}}
loki.relabel "own" {{
	forward_to = []
}}
livedebugging {{
	enabled = true
}}
http {{
	auth {{
		basic {{
			username = "u"
			password = "{CANARY}-gate"
		}}
	}}
}}
declare "to" {{
	argument "word" {{ }}

	prometheus.remote_write "inner" {{
		endpoint {{
			url          = "http://127.0.0.1:{dead}/inner"
			bearer_token = argument.word.value
		}}
	}}

	export "receiver" {{
		value = prometheus.remote_write.inner.receiver
	}}
}}
to "there" {{
	word = local.file.secret.content
}}
prometheus.exporter.self "me" {{ }}
prometheus.scrape "me" {{
	targets         = prometheus.exporter.self.me.targets
	forward_to      = [prometheus.remote_write.w.receiver, to.there.receiver]
	scrape_interval = "1s"
	scrape_timeout  = "1s"

	basic_auth {{
		username = "u"
		password = "{CANARY}-gate"
	}}
}}
local.file "secret" {{
	filename  = "FILE"
	is_secret = true
}}
prometheus.remote_write "w" {{
	endpoint {{
		url = "http://127.0.0.1:{dead}/push"

		basic_auth {{
			username = "u"
			password = local.file.secret.content
		}}
	}}
}}
discovery.http "d" {{
	url              = "http://127.0.0.1:{dead}/sd"
	refresh_interval = "1s"

	authorization {{
		type        = "Bearer"
		credentials = "{CANARY}-sd"
	}}
}}
"#
    )
}

/// All that the zip holds, one after the other.
fn unpacked(zip: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = zip;
    while rest.starts_with(b"PK\x03\x04") {
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
        let (packed, name) = (
            number(18),
            usize::from(rest[26]) + 256 * usize::from(rest[27]),
        );
        let start = 30 + name;
        text += &String::from_utf8_lossy(&rest[30..start]);
        text.push('\n');
        flate2::read::DeflateDecoder::new(&rest[start..start + packed])
            .read_to_string(&mut text)
            .expect("the bundle holds texts");
        rest = &rest[start + packed..];
    }
    text
}

#[test]
fn no_output_has_a_secret_in_it() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let file = dir.path().join("password");
    std::fs::write(&file, format!("{CANARY}-file")).expect("a scratch folder");
    let text = config(free_port()).replace("FILE", &file.display().to_string());
    let invar = Invar::start_locked(&text, LOGIN)
        .announce("unable to refresh targets")
        .announce("remote_write")
        .announce("configuration refused");
    let get = |path: &str| {
        http::send(invar.http, "GET", path, &[LOGIN], &[]).expect("the admin port answers")
    };
    assert_eq!(
        http::get(invar.http, "/metrics").expect("an answer").status,
        401
    );
    eventually("the first failures", Duration::from_secs(20), || {
        invar
            .log()
            .contains("unable to refresh targets")
            .then_some(())
    });

    let mut outputs = vec![("metrics", get("/metrics").text())];
    let list = get("/api/v0/web/components").text();
    let listed: serde_json::Value = serde_json::from_str(&list).expect("a list");
    for component in listed.as_array().expect("a list") {
        let id = component["localID"].as_str().expect("an id");
        outputs.push((
            "detail",
            get(&format!("/api/v0/web/components/{id}")).text(),
        ));
    }
    let inner = get("/api/v0/web/components/to.there/prometheus.remote_write.inner");
    assert_eq!(inner.status, 200);
    outputs.push(("detail", inner.text()));
    outputs.push(("list", list));
    outputs.push(("plan", get("/-/plan").text()));

    let bundle = get("/-/support?duration=1");
    assert_eq!(bundle.status, 200);
    let bundle = unpacked(&bundle.body);
    for part in [
        "alloy-components.json",
        "sources/config.alloy",
        "alloy-logs.txt",
    ] {
        assert!(bundle.contains(part), "no {part} in the bundle");
    }
    outputs.push(("bundle", bundle));

    // A mistake right beside secrets, so that an excerpt would show them.
    let path = invar.dir.join("config.alloy");
    let broken = text.replace("username = \"u\"", "username = [");
    std::fs::write(&path, broken).expect("the scratch folder");
    outputs.push(("reload", get("/-/reload").text()));
    outputs.push(("plan of a bad file", get("/-/plan").text()));
    let validated = Command::new(binary()).arg("validate").arg(&path).output();
    let validated = validated.expect("the binary runs");
    assert!(!validated.status.success());
    outputs.push((
        "validate",
        String::from_utf8_lossy(&validated.stderr).into_owned(),
    ));
    std::fs::write(&path, &text).expect("the scratch folder");
    for format in ["text", "json"] {
        let validated = Command::new(binary())
            .args([
                "validate",
                "--stability.level=experimental",
                "--format",
                format,
            ])
            .arg(&path)
            .output()
            .expect("the binary runs");
        assert!(validated.status.success());
        outputs.push((
            "advice",
            String::from_utf8_lossy(&validated.stdout).into_owned(),
        ));
        outputs.push((
            "advice",
            String::from_utf8_lossy(&validated.stderr).into_owned(),
        ));
    }
    outputs.push(("log", invar.log()));
    for (what, text) in outputs {
        assert!(!text.is_empty() || what == "advice", "{what} is empty");
        let leak = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(leak, None, "in {what}");
    }
}

#[test]
fn what_passes_a_component_and_an_edge_can_be_watched() {
    let invar = Invar::start(
        "livedebugging { enabled = true }\n\
         prometheus.exporter.self \"me\" { }\n\
         prometheus.scrape \"s\" {\n\
         targets = prometheus.exporter.self.me.targets\n\
         forward_to = [prometheus.echo.e.receiver]\n\
         scrape_interval = \"1s\"\n scrape_timeout = \"1s\"\n}\n\
         prometheus.echo \"e\" { }",
    );
    let events = http::first_bytes(invar.http, "/api/v0/web/debug/prometheus.scrape.s", 200);
    let events = events.expect("a stream");
    assert!(events.contains("sample: ts="), "{events}");
    assert!(events.contains("__name__="), "{events}");
    let rates = http::first_bytes(invar.http, "/api/v0/web/graph?window=2", 60);
    let rates = rates.expect("a stream");
    assert!(
        rates.contains("\"componentID\":\"prometheus.scrape.s\""),
        "{rates}"
    );
    let unknown = http::get(invar.http, "/api/v0/web/debug/a.b.c").expect("an answer");
    assert_eq!(
        (unknown.status, unknown.text()),
        (500, "component not found\n".to_owned())
    );
}

#[test]
fn a_stream_is_refused_while_live_debugging_is_off() {
    let invar = Invar::start("prometheus.echo \"e\" { }");
    for path in ["/api/v0/web/debug/prometheus.echo.e", "/api/v0/web/graph"] {
        let answer = http::get(invar.http, path).expect("an answer");
        assert_eq!(answer.status, 500);
        assert!(
            answer
                .text()
                .starts_with("the live debugging service is disabled")
        );
    }
}

#[test]
fn evaluations_reloads_and_requests_become_spans() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let file = dir.path().join("spans.json");
    let config = format!(
        "tracing {{\n sampling_fraction = 1\n send_traceparent = true\n\
         write_to = [otelcol.exporter.file.f.input]\n}}\n\
         otelcol.exporter.file \"f\" {{\n path = \"{}\"\n flush_interval = \"100ms\"\n}}\n\
         prometheus.echo \"e\" {{ }}\n",
        file.display()
    );
    let args = ["--stability.level=experimental"];
    let invar = Invar::start_with(&config, &args);
    let changed = format!("{config}prometheus.echo \"new\" {{ }}\n");
    std::fs::write(invar.dir.join("config.alloy"), changed).expect("the scratch folder");
    let parent = (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    let answer = http::send(invar.http, "GET", "/-/reload", &[parent], &[]);
    assert_eq!(answer.expect("an answer").status, 200);
    let wanted = [
        "\"name\":\"Reload\"",
        "\"name\":\"GraphEvaluate\"",
        "\"name\":\"EvaluateNode\"",
        "{\"key\":\"node_id\",\"value\":{\"stringValue\":\"prometheus.echo.new\"}}",
        "\"name\":\"GET /-/reload\"",
        "\"traceId\":\"0af7651916cd43dd8448eb211c80319c\"",
        "\"parentSpanId\":\"b7ad6b7169203331\"",
        "\"stringValue\":\"alloy\"",
    ];
    eventually("the spans", Duration::from_secs(20), || {
        let spans = std::fs::read_to_string(&file).unwrap_or_default();
        wanted.iter().all(|it| spans.contains(it)).then_some(())
    });
}
