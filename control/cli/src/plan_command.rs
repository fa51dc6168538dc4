//! `invar plan`: what taking a configuration would restart, add, remove and keep, compared with a
//! running instance or with another file. Nothing is changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use net::{BodyLimits, Client, ClientOptions, HeaderValue, Request, StatusCode, Target, header};
use plan::{ConfigSource, Difference};
use serde_json::{Value, json};

use crate::catalogue::catalogue;
use crate::exit::Failure;
use crate::run::flags::ConfigFlags;
use crate::validate::Format;

/// How long the running instance may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Limit: an answer of a running instance. An id takes some 50 bytes; there are at most 100,000.
const ANSWER_BYTES_MAX: u64 = 32 << 20;

#[derive(Args, Debug)]
pub struct PlanFlags {
    /// The new configuration: a file, or a folder whose *.alloy files are one configuration
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// The configuration to compare with; without it, what a running instance has
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,

    /// Where the running instance listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:12345")]
    server: String,

    /// Text for people, or JSON for pipelines, on standard output
    #[arg(long = "format", value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    config: ConfigFlags,
}

pub fn run(flags: &PlanFlags) -> Result<(), Failure> {
    flags.config.check().map_err(Failure::message)?;
    let difference = match &flags.against {
        Some(old) => with_file(old, flags)?,
        None => with_instance(flags)?,
    };
    match flags.output {
        Format::Text => print!("{}", shown(&difference)),
        Format::Json => {
            let Difference {
                add,
                restart,
                remove,
                keep,
            } = difference;
            let json = json!({ "add": add, "restart": restart, "remove": remove, "keep": keep });
            println!("{json:#}");
        }
    }
    Ok(())
}

fn with_file(old: &Path, flags: &PlanFlags) -> Result<Difference, Failure> {
    let source = |path: &Path| ConfigSource::Path(path.to_owned());
    let stability = flags.config.stability_level.into();
    let difference = plan::difference(&source(old), &source(&flags.path), &catalogue(), stability);
    difference.map_err(|rejected| {
        eprint!("{}", rejected.render());
        Failure::reported()
    })
}

/// The instance compares, since it alone knows what it runs; its flags count, not ours.
fn with_instance(flags: &PlanFlags) -> Result<Difference, Failure> {
    let sources = ConfigSource::Path(flags.path.clone()).read();
    let sources = sources.map_err(|diagnostic| Failure::message(diagnostic.message))?;
    let mut files = Vec::new();
    while let Some(source) = sources.get(files.len() as u32) {
        files.push(json!({ "name": source.name(), "text": &**source.text() }));
    }
    let body = json!({ "files": files }).to_string();
    let (status, answer) = ask(&flags.server, body).map_err(Failure::message)?;
    if status == StatusCode::BAD_REQUEST {
        eprint!("{answer}");
        return Err(Failure::reported());
    }
    if status != StatusCode::OK {
        let text = format!("{} answered {status}: {}", flags.server, answer.trim_end());
        return Err(Failure::message(text));
    }
    read(&answer).ok_or_else(|| {
        let text = format!("{} gave an answer that is no plan", flags.server);
        Failure::message(text)
    })
}

fn ask(server: &str, body: String) -> Result<(StatusCode, String), String> {
    let failed = |error: net::HttpError| format!("cannot ask {server}: {error}");
    let target = Target::parse(&format!("{}/-/plan", server.trim_end_matches('/')));
    let mut request = Request::post(&target.map_err(failed)?, net::Bytes::from(body));
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(header::CONTENT_TYPE, json);
    let options = ClientOptions::new(concat!("invar/", env!("CARGO_PKG_VERSION")));
    let client = Client::new(options).map_err(failed)?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
    let local = tokio::task::LocalSet::new();
    let answer = local.block_on(&runtime, async {
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        client.send(&request, ANSWER_WAIT, limits).await
    });
    let answer = answer.map_err(failed)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Ok((answer.head.status, text))
}

fn read(answer: &str) -> Option<Difference> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let ids = |name: &str| -> Option<BTreeSet<String>> {
        let ids = answer[name].as_array()?.iter();
        ids.map(|id| id.as_str().map(str::to_owned)).collect()
    };
    Some(Difference {
        add: ids("add")?,
        restart: ids("restart")?,
        remove: ids("remove")?,
        keep: ids("keep")?,
    })
}

fn shown(difference: &Difference) -> String {
    let mut text = String::new();
    for (mark, word, ids) in [
        ('+', "add", &difference.add),
        ('~', "restart", &difference.restart),
        ('-', "remove", &difference.remove),
    ] {
        for id in ids {
            text.push_str(&format!("{mark} {word:7} {id}\n"));
        }
    }
    text.push_str(&format!(
        "{} to add, {} to restart, {} to remove, {} to keep\n",
        difference.add.len(),
        difference.restart.len(),
        difference.remove.len(),
        difference.keep.len()
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_shown_and_anything_else_is_refused() {
        let answer = r#"{"add":["a.b"],"restart":[],"remove":["c.d"],"keep":["e.f","e.g"]}"#;
        let difference = read(answer).expect("it is a plan");
        assert_eq!(
            shown(&difference),
            "+ add     a.b\n- remove  c.d\n1 to add, 0 to restart, 1 to remove, 2 to keep\n"
        );
        for bad in [
            "",
            "[]",
            r#"{"add":[1],"restart":[],"remove":[],"keep":[]}"#,
        ] {
            assert_eq!(read(bad), None, "of {bad}");
        }
    }
}
