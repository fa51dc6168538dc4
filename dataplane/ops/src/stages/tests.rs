//! What the tests of stages share.

use super::program::Step;
use super::*;

/// A program of steps, and what came out of it.
pub(super) struct Rig {
    program: Program,
    run: Run,
    pub now_ns: i64,
    pub out: Vec<Entry>,
}

impl Rig {
    pub fn of(step: impl Into<Step>) -> Rig {
        Rig::build(|builder| builder.push(step))
    }

    pub fn build(build: impl FnOnce(&mut ProgramBuilder)) -> Rig {
        let mut builder = ProgramBuilder::default();
        build(&mut builder);
        Rig {
            program: builder.build(),
            run: Run::default(),
            now_ns: 0,
            out: Vec::new(),
        }
    }

    pub fn line(&mut self, line: &str) -> &mut Rig {
        self.entry(|entry| entry.line.extend_from_slice(line.as_bytes()))
    }

    pub fn entry(&mut self, fill: impl FnOnce(&mut Entry)) -> &mut Rig {
        fill(self.run.start());
        let status = self.go();
        assert_eq!(status, Status::Done, "nothing has to be waited for");
        self
    }

    pub fn go(&mut self) -> Status {
        let out = &mut self.out;
        self.program.run(&mut self.run, self.now_ns, &mut |entry| {
            out.push(entry.clone())
        })
    }

    pub fn start(&mut self) -> &mut Entry {
        self.run.start()
    }

    pub fn expire(&mut self) -> &mut Rig {
        self.program.expire(&mut self.run, self.now_ns);
        self.go();
        self
    }

    pub fn finish(&mut self) {
        let out = &mut self.out;
        self.program
            .finish(&mut self.run, self.now_ns, &mut |entry| {
                out.push(entry.clone())
            });
    }

    pub fn deadline_ns(&self) -> Option<i64> {
        self.program.deadline_ns()
    }

    pub fn lines(&self) -> Vec<String> {
        let text = |entry: &Entry| String::from_utf8_lossy(&entry.line).into_owned();
        self.out.iter().map(text).collect()
    }

    pub fn counters(&self) -> &Counters {
        self.program.counters()
    }

    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// What becomes of an entry with this line and no labels.
pub(super) fn after(step: impl Into<Step>, line: &str) -> Entry {
    let mut rig = Rig::of(step);
    rig.line(line);
    assert_eq!(rig.out.len(), 1, "{line:?} became one entry");
    rig.out.remove(0)
}

pub(super) fn line_after(step: impl Into<Step>, line: &str) -> String {
    String::from_utf8(after(step, line).line).expect("the line is UTF-8")
}

/// The extracted values as `name=value`, in their order; `?` is a value without a text.
pub(super) fn extracted(entry: &Entry) -> Vec<String> {
    let field = |(name, value): (&str, Value<'_>)| {
        format!("{name}={}", value.text().as_deref().unwrap_or("?"))
    };
    entry.extracted.iter().map(field).collect()
}

pub(super) fn labels(entry: &Entry) -> String {
    format!("{:?}", entry.labels.buf())
}

fn keep_web() -> Selector {
    Selector::parse("{app=\"web\"}").expect("a selector")
}

#[test]
fn entries_that_do_not_match_go_around_the_inner_steps() {
    let mut rig = Rig::build(|builder| {
        let inner = |builder: &mut ProgramBuilder| {
            builder.push(StaticLabels::new([("in", "1")]));
            Ok::<(), ()>(())
        };
        builder.matching(keep_web(), inner).expect("no error");
        builder.push(StaticLabels::new([("all", "1")]));
    });
    rig.entry(|entry| entry.labels.set("app", "web"));
    rig.entry(|entry| entry.labels.set("app", "db"));
    let seen: Vec<String> = rig.out.iter().map(labels).collect();
    assert_eq!(
        seen,
        [r#"{all="1", app="web", in="1"}"#, r#"{all="1", app="db"}"#]
    );
}

#[test]
fn labels_become_extracted_again_inside_a_match() {
    let mut rig = Rig::build(|builder| {
        builder.push(StaticLabels::new([("new", "1")]));
        let inner = |builder: &mut ProgramBuilder| {
            builder.push(Output::new("new"));
            Ok::<(), ()>(())
        };
        builder.matching(keep_web(), inner).expect("no error");
    });
    rig.entry(|entry| entry.labels.set("app", "web"));
    rig.entry(|entry| entry.labels.set("app", "db"));
    assert_eq!(rig.lines(), ["1", ""]);
}

#[test]
fn matching_entries_are_dropped_with_a_reason() {
    let mut rig = Rig::build(|builder| builder.drop_matching(keep_web(), "why".to_owned()));
    rig.entry(|entry| entry.labels.set("app", "web"))
        .line("stays");
    assert_eq!(rig.lines(), ["stays"]);
    assert_eq!(rig.counters().dropped, [("why".to_owned(), 1)]);
    assert_eq!(rig.counters().dropped_entries, 1);
}

#[test]
fn entries_made_of_one_keep_their_order_through_later_steps() {
    let mut rig = Rig::build(|builder| {
        builder.push(SplitJson::new(None));
        builder.push(SplitJson::new(None));
        builder.push(StaticLabels::new([("a", "1")]));
    });
    rig.line("[1,[2,3],4]").line("5");
    assert_eq!(rig.lines(), ["1", "2", "3", "4", "5"]);
    assert!(
        rig.out
            .iter()
            .all(|entry| entry.labels.get("a") == Some("1"))
    );
}
