//! What advice is given, and what is left alone.

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{ExportField, Port, Secret, Stability};

use crate::{Catalogue, ConfigSource, Kind, validate};

/// Receives, listens and knows a secret.
struct Listener;

#[derive(schema::Arguments)]
struct ListenerArguments {
    /// Where to.
    #[arg(name = "forward_to")]
    _forward_to: Vec<Port>,
    /// Known to friends.
    #[arg(name = "password")]
    _password: Secret,
    /// Sockets.
    #[arg(block, name = "http")]
    _http: Vec<Http>,
}

#[derive(schema::Arguments)]
struct Http {
    /// Address.
    #[arg(name = "listen_address")]
    _listen_address: String,
    /// Port.
    #[arg(name = "listen_port")]
    _listen_port: i64,
}

impl DataComponent for Listener {
    type Arguments = ListenerArguments;
    const NAME: &'static str = "test.listener";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::All;

    async fn build(_: Arc<ListenerArguments>, _: &Build) -> Result<Built, BuildError> {
        Err(BuildError::new("not built here"))
    }
}

/// Sends out.
struct Sink;

#[derive(schema::Arguments)]
struct SinkArguments {}

impl DataComponent for Sink {
    type Arguments = SinkArguments;
    const NAME: &'static str = "test.sink";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];

    async fn build(_: Arc<SinkArguments>, _: &Build) -> Result<Built, BuildError> {
        Err(BuildError::new("not built here"))
    }
}

static LISTENER: Component = Component::of::<Listener>();
static SINK: Component = Component::of::<Sink>();

/// `line:column message` of each advice.
fn check(text: &str, expect: &[&str]) {
    let catalogue = Catalogue::new([Kind::Data(&LISTENER), Kind::Data(&SINK)]);
    let source = ConfigSource::Text {
        name: "c.alloy",
        text: text.to_owned(),
    };
    let validated = validate(&source, &catalogue, Stability::GenerallyAvailable);
    let shown = validated.advice.iter().map(|it| {
        let at = it.span.and_then(|span| validated.sources.position(span));
        let at = at.expect("advice has a place");
        format!("{}:{} {}", at.line, at.column, it.message)
    });
    assert_eq!(shown.collect::<Vec<_>>(), expect, "of {text}");
}

#[test]
fn what_nothing_reaches_is_named_unless_references_are_broken() {
    check(
        "test.sink \"a\" { }",
        &["1:1 nothing sends to \"test.sink.a\""],
    );
    let reached = "test.sink \"a\" { }\n\
                   test.listener \"l\" { forward_to = [test.sink.a.receiver] }";
    check(reached, &[]);
    let broken = "test.sink \"a\" { }\ntest.listener \"l\" { forward_to = [test.sink.b.receiver] }";
    check(broken, &[]);
}

#[test]
fn exports_and_custom_components_that_nothing_uses_are_named() {
    let declare = "declare \"d\" {\n\ttest.sink \"s\" { }\n\
                   \texport \"to\" { value = test.sink.s.receiver }\n}\n";
    check(declare, &["1:9 nothing uses the custom component \"d\""]);
    check(
        &format!("{declare}d \"one\" {{ }}\nd \"two\" {{ }}"),
        &["3:2 nothing uses the export \"to\" of this custom component"],
    );
    check(
        &format!("{declare}d \"o\" {{ }}\ntest.listener \"l\" {{ forward_to = [d.o.to] }}"),
        &[],
    );
}

#[test]
fn ports_in_a_list_twice_and_sockets_taken_twice_are_named() {
    check(
        "test.sink \"s\" { }\ntest.listener \"l\" {\n\
         forward_to = [test.sink.s.receiver, test.sink.s.receiver]\n}",
        &["3:37 \"test.sink.s.receiver\" stands twice in \"forward_to\""],
    );
    let two = |first: &str, second: &str| {
        let http = |label: &str, http: &str| {
            format!("test.listener \"{label}\" {{\n http {{\n {http}\n }}\n}}\n")
        };
        http("a", first) + &http("b", second)
    };
    let (all, here) = (
        "listen_port = 80",
        "listen_address = \"127.0.0.1\"\n listen_port = 80",
    );
    let there = "listen_address = \"10.0.0.1\"\n listen_port = 80";
    check(&two(all, here), &["9:16 TCP port 80 is listened on twice"]);
    check(
        &two(here, here),
        &["10:16 TCP port 80 is listened on twice"],
    );
    check(&two(here, there), &[]);
    check(&two("listen_port = 0", "listen_port = 0"), &[]);
}

#[test]
fn secrets_in_clear_are_named_and_those_from_elsewhere_are_not() {
    check(
        "test.listener \"l\" { password = \"hunter2\" }",
        &["1:32 the secret \"password\" is written in clear"],
    );
    check("test.listener \"l\" { password = sys.env(\"X\") }", &[]);
    check("test.listener \"l\" { password = \"\" }", &[]);
}
