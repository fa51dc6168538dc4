//! The controller with fake shards, and components of its own.

mod modules;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use engine::{
    Build, BuildError, Built, Command, Component, DataComponent, Globals, LaneDefaults, Plan,
    Report, Role, Spread,
};
use eval::{HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{ExportField, Port, Stability, Value};

use crate::{
    Catalogue, ConfigSource, Controller, Handle, Kind, Options, Settings, Shards, State, Tracer,
};

// ---- components

/// A data component with a port, that takes ports and a value.
struct Pipe;

#[derive(schema::Arguments)]
struct PipeArguments {
    /// Where to.
    forward_to: Vec<Port>,
    /// Anything.
    value: Value,
    /// A number.
    #[arg(default = 1)]
    count: i64,
}

impl DataComponent for Pipe {
    type Arguments = PipeArguments;
    const NAME: &'static str = "test.pipe";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];

    async fn build(arguments: Arc<PipeArguments>, _: &Build) -> Result<Built, BuildError> {
        let PipeArguments {
            forward_to,
            value,
            count,
        } = &*arguments;
        Err(BuildError::new(format!(
            "not built here: {forward_to:?} {value:?} {count}"
        )))
    }
}

static PIPE: Component = Component::of::<Pipe>();

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::Data(&PIPE),
        Kind::Resolver(&LINE),
        Kind::Import(&modules::IMPORT),
    ])
}

/// A resolver that exports the first line of a file, and has news five seconds later.
struct Line {
    cx: ResolverCx,
}

#[derive(schema::Arguments)]
struct LineArguments {
    /// The file.
    #[arg(required)]
    path: String,
}

impl ResolverComponent for Line {
    type Arguments = LineArguments;
    const NAME: &'static str = "test.line";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "text",
        type_name: "string",
    }];

    async fn start(arguments: Arc<LineArguments>, cx: ResolverCx) -> Result<Line, ResolverError> {
        let mut line = Line { cx };
        line.update(arguments).await?;
        let cx = line.cx.clone();
        tokio::task::spawn_local(async move {
            // Stands for a source that has news of its own some time after the start.
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            cx.export([("text", "news".into())]);
        });
        Ok(line)
    }

    async fn update(&mut self, arguments: Arc<LineArguments>) -> Result<(), ResolverError> {
        let text = std::fs::read_to_string(&arguments.path)
            .map_err(|error| ResolverError::new(format!("cannot read: {error}")))?;
        self.cx
            .export([("text", text.lines().next().unwrap_or_default().into())]);
        self.cx.health(HealthState::Healthy, "read");
        Ok(())
    }
}

static LINE: eval::Component = eval::Component::of::<Line>();

// ---- the rig

struct Rig {
    folder: tempfile::TempDir,
    controller: Option<Controller>,
    commands: flume::Receiver<Command>,
    reports: flume::Sender<Report>,
}

impl Rig {
    fn new(config: &str) -> Rig {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(folder.path().join("c.alloy"), config).expect("a scratch folder");
        let (commands_in, commands) = flume::unbounded();
        let (reports, reports_out) = flume::unbounded();
        let options = Options {
            source: ConfigSource::Path(folder.path().join("c.alloy")),
            catalogue: catalogue(),
            stability: Stability::Experimental,
            globals: Arc::new(Globals {
                user_agent: String::new(),
                http_address: None,
                hostname: String::new(),
                instance_id: String::new(),
                storage_path: PathBuf::new(),
                lanes: LaneDefaults::standard(),
            }),
            environment: Rc::default(),
            version: "v0",
            settings: Settings::new(),
            tracer: Tracer::default(),
        };
        let shards = Shards {
            commands: vec![commands_in],
            reports: reports_out,
        };
        let controller = Some(Controller::new(options, shards));
        Rig {
            folder,
            controller,
            commands,
            reports,
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a scratch folder");
    }

    /// `DIR` in the text stands for the scratch folder.
    fn configure(&self, text: &str) {
        let folder = self.folder.path().display().to_string();
        self.write("c.alloy", &text.replace("DIR", &folder));
    }

    async fn start(&mut self) -> Handle {
        let mut controller = self.controller.take().expect("started once");
        let handle = controller.handle();
        if let Err(rejected) = controller.start().await {
            panic!("{}", rejected.render());
        }
        tokio::task::spawn_local(async move { controller.run().await });
        handle
    }

    /// The last Plan that was sent, as lines of id, count and value.
    fn plan(&self) -> Option<Arc<Plan>> {
        let mut last = None;
        for command in self.commands.drain() {
            if let Command::Apply(plan) = command {
                last = Some(plan);
            }
        }
        last
    }
}

fn shown(plan: &Plan) -> Vec<String> {
    let nodes = plan.nodes.iter().map(|node| {
        let arguments: &PipeArguments = node
            .arguments
            .downcast_ref()
            .expect("only pipes are in these plans");
        let to: Vec<&str> = arguments
            .forward_to
            .iter()
            .map(|port| port.node.as_str())
            .collect();
        format!(
            "{} {} {:?} -> {}",
            node.id,
            arguments.count,
            arguments.value,
            to.join(" ")
        )
    });
    nodes.collect()
}

/// Runs a test on a control thread with a clock that jumps over waiting.
fn on_control(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

async fn state(handle: &Handle, id: &str) -> State {
    let detail = handle.component(id).await.expect("the controller runs");
    detail.expect("the component is listed").view.health.state
}

// ---- what is promised

#[test]
fn a_plan_holds_the_data_components_after_what_they_refer_to() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("f", "seven\n");
        rig.configure(
            r#"
            test.pipe "a" {
                forward_to = [test.pipe.b.receiver]
                value      = test.line.l.text + "!"
            }
            test.pipe "b" { count = 2 * 3 }
            test.line "l" { path = "DIR/f" }
            "#,
        );
        rig.start().await;
        let plan = rig.plan().expect("a plan was sent");
        assert_eq!(
            shown(&plan),
            [
                "test.pipe.b 6 null -> ",
                r#"test.pipe.a 1 "seven!" -> test.pipe.b"#
            ]
        );
        assert_eq!(plan.epoch, 1);
    });
}

#[test]
fn new_exports_change_only_what_depends_on_them() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("f", "old");
        rig.configure(
            r#"
            test.line "l" { path = "DIR/f" }
            test.pipe "a" { value = test.line.l.text }
            test.pipe "b" { }
            "#,
        );
        rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        let second = rig.plan().expect("the news made a new plan");
        assert_eq!(
            shown(&second),
            [r#"test.pipe.a 1 "news" -> "#, "test.pipe.b 1 null -> "]
        );
        assert!(!Arc::ptr_eq(&first.nodes[0], &second.nodes[0]));
        assert!(
            Arc::ptr_eq(&first.nodes[1], &second.nodes[1]),
            "b is the same node"
        );
    });
}

#[test]
fn a_reload_says_what_it_did_and_keeps_equal_nodes() {
    on_control(async || {
        let mut rig =
            Rig::new("test.pipe \"a\" { }\ntest.pipe \"b\" { count = 1 }\ntest.pipe \"c\" { }");
        let handle = rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        rig.configure(
            "// moved\n\ntest.pipe \"b\" { count = 2 }\ntest.pipe \"a\" { }\ntest.pipe \"d\" { }",
        );
        let said = handle
            .reload()
            .await
            .expect("the controller runs")
            .expect("it is valid");
        assert_eq!(
            said,
            "config reloaded\nadded: test.pipe.d\nchanged: test.pipe.b\nremoved: test.pipe.c\n\
             unchanged: 1\n"
        );
        let second = rig.plan().expect("a plan was sent");
        let a = second
            .nodes
            .iter()
            .find(|node| node.id == "test.pipe.a")
            .expect("a stays");
        assert!(
            Arc::ptr_eq(a, &first.nodes[0]),
            "moving a block is no change"
        );
        let said = handle
            .reload()
            .await
            .expect("the controller runs")
            .expect("it is valid");
        assert_eq!(said, "config reloaded\nunchanged: 3\n");
        assert!(rig.plan().is_none(), "nothing changed, so nothing is sent");
    });
}

#[test]
fn a_configuration_that_its_text_shows_to_be_wrong_changes_nothing() {
    on_control(async || {
        let mut rig = Rig::new("test.pipe \"a\" { }");
        let handle = rig.start().await;
        rig.plan().expect("a plan was sent");
        for (bad, why) in [
            ("test.pipe {{{", "expected"),
            ("test.unknown \"x\" { }", "cannot find the definition"),
            ("test.pipe \"a\" { colour = 1 }", "unrecognized attribute"),
            ("test.pipe \"a\" { count = [] }", "int"),
            (
                "test.pipe \"a\" { value = test.pipe.b.receiver }",
                "does not exist",
            ),
            ("test.pipe \"b\" { value = test.pipe.b.receiver }", "cycle"),
            (
                "test.pipe \"a\" { }\ntest.pipe \"b\" { }\ntest.pipe \"b\" { }",
                "already declared",
            ),
        ] {
            rig.configure(bad);
            let said = handle
                .reload()
                .await
                .expect("the controller runs")
                .expect_err(bad);
            assert!(said.contains(why), "{bad}: {said}");
            assert!(rig.plan().is_none(), "{bad}");
            let listed = handle.components("").await.expect("the controller runs");
            let listed = listed.expect("the root is a module");
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].health.state, State::Healthy);
        }
    });
}

#[test]
fn what_only_evaluation_finds_makes_its_component_unhealthy() {
    on_control(async || {
        let mut rig = Rig::new("test.pipe \"a\" { count = 4 }");
        let handle = rig.start().await;
        rig.plan().expect("a plan was sent");
        rig.configure(
            r#"
            test.pipe "a" { count = ["x"][2] }
            test.line "l" { path = "DIR/missing" }
            test.pipe "b" { value = test.line.l.text }
            test.pipe "c" { }
            "#,
        );
        let said = handle
            .reload()
            .await
            .expect("the controller runs")
            .expect_err("the file is missing");
        assert!(said.contains("cannot read"), "{said}");
        let plan = rig.plan().expect("what is good is taken");
        assert_eq!(
            shown(&plan),
            ["test.pipe.a 4 null -> ", "test.pipe.c 1 null -> "]
        );
        let readiness = handle.readiness().await.expect("the controller runs");
        assert_eq!(
            readiness.unhealthy,
            ["test.line.l", "test.pipe.a", "test.pipe.b"]
        );
        assert_eq!(state(&handle, "test.pipe.c").await, State::Healthy);

        rig.write("missing", "here");
        rig.configure(
            r#"
            test.line "l" { path = "DIR/missing" }
            test.pipe "b" { value = test.line.l.text }
            "#,
        );
        handle
            .reload()
            .await
            .expect("the controller runs")
            .expect("it is valid again");
        let plan = rig.plan().expect("a plan was sent");
        assert_eq!(shown(&plan), [r#"test.pipe.b 1 "here" -> "#]);
        assert_eq!(state(&handle, "test.pipe.b").await, State::Healthy);
    });
}

#[test]
fn custom_components_are_expanded_with_their_arguments_and_exports() {
    on_control(async || {
        let mut rig = Rig::new(
            r#"
            declare "twice" {
                argument "n" { }
                argument "to" {
                    optional = true
                    default  = []
                }
                declare "inner" {
                    argument "x" { }
                    export "y" { value = argument.x.value * 2 }
                }
                inner "i" { x = argument.n.value }
                test.pipe "p" {
                    count      = inner.i.y
                    forward_to = argument.to.value
                }
                export "receiver" { value = test.pipe.p.receiver }
            }
            twice "a" { n = 1 }
            twice "b" {
                n  = 2
                to = [twice.a.receiver]
            }
            "#,
        );
        let handle = rig.start().await;
        let plan = rig.plan().expect("a plan was sent");
        assert_eq!(
            shown(&plan),
            [
                "twice.a/test.pipe.p 2 null -> ",
                "twice.b/test.pipe.p 4 null -> twice.a/test.pipe.p"
            ]
        );
        let inside = handle
            .components("twice.b")
            .await
            .expect("the controller runs");
        let inside: Vec<String> = inside
            .expect("it is a module")
            .iter()
            .map(|view| view.id())
            .collect();
        assert_eq!(inside, ["twice.b/inner.i", "twice.b/test.pipe.p"]);
        let detail = handle
            .component("twice.b")
            .await
            .expect("the controller runs");
        assert_eq!(
            detail.expect("it is listed").view.references_to,
            ["twice.a"]
        );
        assert!(
            handle
                .components("twice.z")
                .await
                .expect("the controller runs")
                .is_none()
        );
    });
}

#[test]
fn a_shards_report_is_seen_as_health_and_readiness() {
    on_control(async || {
        let mut rig = Rig::new("test.pipe \"a\" { }");
        let handle = rig.start().await;
        assert!(!handle.readiness().await.expect("the controller runs").ready);
        let error = engine::NodeError {
            node: "test.pipe.a".to_owned(),
            message: "no disk".to_owned(),
        };
        let report = Report::Applied {
            shard: 0,
            epoch: 1,
            errors: vec![error],
        };
        rig.reports.send(report).expect("the controller runs");
        tokio::task::yield_now().await;
        let readiness = handle.readiness().await.expect("the controller runs");
        assert!(readiness.ready);
        assert_eq!(readiness.unhealthy, ["test.pipe.a"]);
        let report = Report::Applied {
            shard: 0,
            epoch: 2,
            errors: Vec::new(),
        };
        rig.reports.send(report).expect("the controller runs");
        tokio::task::yield_now().await;
        assert_eq!(state(&handle, "test.pipe.a").await, State::Healthy);
    });
}

#[test]
fn validate_names_all_mistakes_and_leaves_out_what_it_cannot_know() {
    let check = |text: &str, expect: &[(u32, u32)]| {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("c.alloy");
        std::fs::write(&path, text).expect("a scratch folder");
        let catalogue = catalogue();
        let stability = Stability::GenerallyAvailable;
        let found = crate::validate(&ConfigSource::Path(path), &catalogue, stability);
        let errors = found.diagnostics.iter().filter(|it| it.is_error());
        let places = errors.filter_map(|diagnostic| {
            let at = found.sources.position(diagnostic.span?)?;
            Some((at.line, at.column))
        });
        assert_eq!(places.collect::<Vec<_>>(), expect, "of {text}");
    };
    check("test.pipe \"a\" { value = sys.env(\"X\") }", &[]);
    check("test.line \"a\" { path = [1][7] }", &[]);
    check("test.line \"a\" { path = nowhere.x }", &[(1, 24)]);
    check("test.line \"a\" { }", &[(1, 1)]);
    check("test.line \"a\" { path = 1 + [] }", &[(1, 28)]);
    check(
        "test.line \"a\" { path = {} }\ntest.pipe \"p\" { x = sys.env(\"X\") }",
        &[(1, 24), (2, 17)],
    );
    check(
        "test.pipe \"a\" { value = test.pipe.b }\ntest.pipe \"b\" { value = test.pipe.a }",
        &[(1, 1), (2, 1)],
    );
    check(
        "declare \"c\" {\n argument \"v\" { }\n}\nc \"a\" { }\nc \"b\" {\n v = 1\n w = 2\n}",
        &[(4, 1), (7, 2)],
    );
}

#[test]
fn functions_that_are_deprecated_or_not_stable_enough_are_named() {
    let check = |stability: Stability| {
        let text = "declare \"d\" {\n export \"e\" { value = to_upper(\"x\") }\n}\n\
                    d \"i\" { }\n\
                    test.pipe \"a\" {\n\
                    value = array.group_by([], \"k\", string.trim(\"t\", \"\"))\n}";
        let catalogue = Catalogue::new([Kind::Data(&PIPE)]);
        let source = ConfigSource::Text {
            name: "c.alloy",
            text: text.to_owned(),
        };
        let found = crate::validate(&source, &catalogue, stability);
        let shown = found
            .diagnostics
            .into_iter()
            .map(|it| format!("{}; {}", it.message, it.hint.unwrap_or_default()));
        shown.collect::<Vec<_>>()
    };
    let deprecated = "function \"to_upper\" is deprecated; use string.to_upper".to_owned();
    assert_eq!(check(Stability::Experimental), [&*deprecated]);
    let unstable = "function \"array.group_by\" is at stability level \"experimental\", which is \
                    below the minimum of \"public-preview\"; \
                    run with --stability.level=experimental to use it";
    assert_eq!(
        check(Stability::PublicPreview),
        [deprecated, unstable.to_owned()]
    );
}
