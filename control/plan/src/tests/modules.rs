//! Imports, `foreach` and declares: what becomes of them when what they are made of changes.

use super::*;

/// Reads a file every second, or each `*.alloy` of a folder; refuses what is not there at first.
struct Import {
    watch: tokio::task::AbortHandle,
    cx: ResolverCx,
}

#[derive(schema::Arguments)]
struct ImportArguments {
    /// The file.
    #[arg(required)]
    filename: String,
}

fn read(path: &str, cx: &ResolverCx) -> Result<(), ResolverError> {
    let path = std::path::Path::new(path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| ResolverError::new(format!("cannot read: {error}")))?;
    let name = path.display().to_string();
    let folder = path.parent().expect("files are in the rig's folder");
    cx.export([
        ("files", Value::object([(name, Value::from(text))])),
        ("module_path", folder.display().to_string().into()),
    ]);
    Ok(())
}

fn watch(arguments: Arc<ImportArguments>, cx: ResolverCx) -> tokio::task::AbortHandle {
    let run = async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            // A file that is away for a while leaves what was read.
            drop(read(&arguments.filename, &cx));
        }
    };
    tokio::task::spawn_local(run).abort_handle()
}

impl ResolverComponent for Import {
    type Arguments = ImportArguments;
    const NAME: &'static str = "import.file";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[];

    async fn start(
        arguments: Arc<ImportArguments>,
        cx: ResolverCx,
    ) -> Result<Import, ResolverError> {
        read(&arguments.filename, &cx)?;
        let watch = watch(arguments, cx.clone());
        Ok(Import { watch, cx })
    }

    async fn update(&mut self, arguments: Arc<ImportArguments>) -> Result<(), ResolverError> {
        read(&arguments.filename, &self.cx)?;
        std::mem::replace(&mut self.watch, watch(arguments, self.cx.clone())).abort();
        Ok(())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

pub static IMPORT: eval::Component = eval::Component::of::<Import>();

async fn some_time() {
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
}

async fn refused(rig: &mut Rig) -> String {
    let mut controller = rig.controller.take().expect("started once");
    match controller.start().await {
        Ok(()) => panic!("it was taken"),
        Err(rejected) => rejected.render(),
    }
}

async fn reload(handle: &Handle) -> Result<String, String> {
    handle.reload().await.expect("the controller runs")
}

const TWO: &str = "declare \"a\" {\n argument \"n\" { }\n \
                   test.pipe \"p\" { count = argument.n.value }\n}\n\
                   declare \"b\" {\n test.pipe \"p\" { count = 5 }\n}\n";

#[test]
fn a_change_of_what_is_imported_touches_what_reads_differently() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("lib.alloy", TWO);
        rig.configure(
            "import.file \"lib\" { filename = \"DIR/lib.alloy\" }\n\
             lib.a \"x\" { n = 2 }\nlib.b \"y\" { }\n",
        );
        let handle = rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        assert_eq!(
            shown(&first),
            [
                "lib.a.x/test.pipe.p 2 null -> ",
                "lib.b.y/test.pipe.p 5 null -> "
            ]
        );
        rig.write(
            "lib.alloy",
            &format!("// moved\n{}", TWO.replace("= 5", "= 6")),
        );
        some_time().await;
        let second = rig.plan().expect("the new text made a new plan");
        assert_eq!(
            shown(&second),
            [
                "lib.a.x/test.pipe.p 2 null -> ",
                "lib.b.y/test.pipe.p 6 null -> "
            ]
        );
        assert!(Arc::ptr_eq(&first.nodes[0], &second.nodes[0]));

        for bad in [
            "declare \"a\" {",
            "declare \"b\" { test.unknown \"u\" { } }",
            "declare \"b\" { test.pipe \"p\" { colour = 1 } }",
            "test.pipe \"p\" { }",
            "attribute = 1",
        ] {
            rig.write("lib.alloy", bad);
            some_time().await;
            assert!(rig.plan().is_none(), "{bad}");
            assert_eq!(state(&handle, "lib.b.y").await, State::Healthy, "{bad}");
        }
        let said = reload(&handle)
            .await
            .expect("nothing changed but bad content");
        assert_eq!(said, "config reloaded\nunchanged: 4\n");
        rig.write("lib.alloy", TWO);
        some_time().await;
        let last = rig.plan().expect("good again");
        assert_eq!(shown(&last), shown(&first));
    });
}

#[test]
fn an_import_without_usable_content_refuses_those_that_use_it() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("lib.alloy", "declare \"a\" {");
        rig.configure("import.file \"lib\" { filename = \"DIR/lib.alloy\" }\nlib.a \"x\" { }\n");
        let said = refused(&mut rig).await;
        assert!(said.contains("c.alloy:2:1: "), "{said}");
        assert!(said.contains("lib.alloy:1:14: "), "{said}");

        let mut rig = Rig::new("");
        rig.write(
            "lib.alloy",
            "declare \"a\" { nested.x \"x\" { } }\n\
             import.file \"nested\" { filename = module_path + \"/lib.alloy\" }",
        );
        rig.configure("import.file \"lib\" { filename = \"DIR/lib.alloy\" }\n");
        let said = refused(&mut rig).await;
        assert!(said.contains("imports itself"), "{said}");
    });
}

#[test]
fn nested_imports_see_their_own_folder_and_nothing_of_the_outside() {
    on_control(async || {
        let mut rig = Rig::new("");
        std::fs::create_dir(rig.folder.path().join("deep")).expect("a scratch folder");
        rig.write(
            "lib.alloy",
            "import.file \"in\" { filename = module_path + \"/deep/in.alloy\" }\n\
             declare \"a\" {\n in.b \"i\" { }\n export \"path\" { value = in.b.i.path }\n}",
        );
        let inner = "declare \"b\" {\n export \"path\" { value = module_path }\n}";
        rig.write("deep/in.alloy", inner);
        rig.configure(
            "import.file \"lib\" { filename = \"DIR/lib.alloy\" }\nlib.a \"x\" { }\n\
             test.pipe \"p\" { value = [lib.a.x.path, module_path] }\n",
        );
        rig.start().await;
        let folder = rig.folder.path().display().to_string();
        let plan = rig.plan().expect("a plan was sent");
        assert_eq!(
            shown(&plan),
            [format!(
                "test.pipe.p 1 [\"{folder}/deep\", \"{folder}\"] -> "
            )]
        );
        rig.write("deep/in.alloy", &inner.replace("module_path", "\"new\""));
        some_time().await;
        let plan = rig.plan().expect("the nested text made a new plan");
        assert_eq!(
            shown(&plan),
            [format!("test.pipe.p 1 [\"new\", \"{folder}\"] -> ")]
        );

        for (text, why) in [
            (
                "declare \"x\" { }\n\
                 import.file \"lib\" { filename = \"DIR/o.alloy\" }\nlib.o \"o\" { }",
                "\"x\"",
            ),
            (
                "import.file \"lib\" { filename = \"DIR/lib.alloy\" }\nlib.b \"o\" { }",
                "\"lib.b\"",
            ),
        ] {
            let mut other = Rig::new("");
            other.write("o.alloy", "declare \"o\" { x \"no\" { } }");
            other.write("lib.alloy", "declare \"a\" { }");
            other.configure(text);
            let said = refused(&mut other).await;
            let message = format!("cannot find the definition of component name {why}");
            assert!(said.contains(&message), "{said}");
        }
    });
}

#[test]
fn a_reload_takes_an_import_with_what_uses_it_and_keeps_the_old_one_for_a_bad_one() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("one.alloy", TWO);
        rig.write("two.alloy", &TWO.replace("\"a\"", "\"c\""));
        let text = "import.file \"lib\" { filename = \"DIR/one.alloy\" }\n\
                    lib.a \"x\" { n = 2 }\nlib.b \"y\" { }\n";
        rig.configure(text);
        let handle = rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        rig.configure(&text.replace("one", "two").replace("lib.a", "lib.c"));
        reload(&handle).await.expect("it is valid");
        let second = rig.plan().expect("a plan was sent");
        assert_eq!(
            shown(&second),
            [
                "lib.c.x/test.pipe.p 2 null -> ",
                "lib.b.y/test.pipe.p 5 null -> "
            ]
        );
        assert!(Arc::ptr_eq(&first.nodes[1], &second.nodes[1]));

        rig.configure(&text.replace("one", "missing").replace("lib.a", "lib.c"));
        let said = reload(&handle).await.expect_err("the file is missing");
        assert!(said.contains("cannot read"), "{said}");
        assert!(rig.plan().is_none(), "the last good content goes on");
    });
}

#[test]
fn a_template_is_made_for_each_element_and_follows_the_collection() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("f", "old");
        let text = r#"
            test.line "l" { path = "DIR/f" }
            test.pipe "out" { }
            foreach "each" {
                collection = [1, 2]
                var        = "outer"
                template {
                    declare "d" {
                        test.pipe "p" {
                            count      = outer
                            value      = test.line.l.text
                            forward_to = [test.pipe.out.receiver]
                        }
                    }
                    d "i" { }
                    foreach "inner" {
                        collection = [outer * 10]
                        var        = "inner"
                        template {
                            test.pipe "q" { count = inner + outer }
                        }
                    }
                }
            }
            "#;
        rig.configure(text);
        let handle = rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        let mut lines = shown(&first);
        lines.sort();
        assert_eq!(
            lines,
            [
                "foreach.each/foreach_1_1/d.i/test.pipe.p 1 \"old\" -> test.pipe.out",
                "foreach.each/foreach_1_1/foreach.inner/foreach_10_1/test.pipe.q 11 null -> ",
                "foreach.each/foreach_2_1/d.i/test.pipe.p 2 \"old\" -> test.pipe.out",
                "foreach.each/foreach_2_1/foreach.inner/foreach_20_1/test.pipe.q 22 null -> ",
                "test.pipe.out 1 null -> ",
            ]
        );
        let listed = handle.components("").await.expect("the controller runs");
        let listed = listed.expect("the root is a module");
        let each = listed.iter().find(|it| it.name == "foreach");
        let each = each.expect("foreach is a component");
        assert_eq!(
            each.created_modules,
            ["foreach.each/foreach_1_1", "foreach.each/foreach_2_1"]
        );

        rig.configure(&text.replace("[1, 2]", "[2, 3]"));
        reload(&handle).await.expect("it is valid");
        let second = rig.plan().expect("a plan was sent");
        let find = |plan: &Plan, id: &str| {
            let found = plan.nodes.iter().find(|node| node.id.starts_with(id));
            found.cloned()
        };
        let two = "foreach.each/foreach_2_1/d.i";
        let (before, after) = (find(&first, two), find(&second, two));
        assert!(Arc::ptr_eq(
            &before.expect("it was there"),
            &after.expect("it is there")
        ));
        assert!(find(&second, "foreach.each/foreach_1_1").is_none());
        assert!(find(&second, "foreach.each/foreach_3_1").is_some());
    });
}

#[test]
fn the_name_of_an_element_may_be_any_text_that_can_be_evaluated() {
    on_control(async || {
        let mut rig = Rig::new("");
        rig.write("f", "told");
        rig.configure(
            r#"
            test.line "l" { path = "DIR/f" }
            foreach "sum" {
                collection = [1]
                var        = "it" + string.to_lower("EM")
                template {
                    test.pipe "p" { count = item }
                }
            }
            foreach "told" {
                collection = [2]
                var        = test.line.l.text
                template {
                    test.pipe "p" { count = told }
                }
            }
            "#,
        );
        rig.start().await;
        let first = rig.plan().expect("a plan was sent");
        let mut lines = shown(&first);
        lines.sort();
        assert_eq!(
            lines,
            [
                "foreach.sum/foreach_1_1/test.pipe.p 1 null -> ",
                "foreach.told/foreach_2_1/test.pipe.p 2 null -> ",
            ]
        );
    });
}

#[test]
fn what_nothing_uses_is_checked_as_well_and_runs_all_the_same() {
    on_control(async || {
        let text = r#"
declare "unused" {
    test.unknown "u" { }
    export "e" { }
}
foreach "none" {
    collection = []
    var        = "v"
    template {
        test.pipe "p" { colour = v }
    }
}
declare "loop" { loop "again" { } }
"#;
        let catalogue = Catalogue::new([Kind::Data(&PIPE)]);
        let source = ConfigSource::Text {
            name: "c.alloy",
            text: text.to_owned(),
        };
        let found = crate::validate(&source, &catalogue, Stability::Experimental);
        let places = found.diagnostics.iter().map(|it| {
            let at = it.span.and_then(|span| found.sources.position(span));
            let at = at.expect("mistakes in a text have a place");
            (at.line, at.column)
        });
        assert_eq!(
            places.collect::<Vec<_>>(),
            [(3, 5), (4, 5), (10, 25), (13, 18)]
        );
        let mut rig = Rig::new(text);
        rig.start().await;
    });
}
