//! The steps of a pipeline, and what is on its way through them.

use std::collections::BTreeMap;

use super::{
    Cri, Decolorize, Docker, Drop, Entry, EventLog, Extract, GeoIp, Json, LabelDrop, LabelKeep,
    Limit, Logfmt, Luhn, MakeLabels, MakeMetadata, MetadataDrop, Metrics, Multiline, Output, Pack,
    Pattern, Replace, Sampling, Selector, SetTemplate, SplitJson, StaticLabels, Tenant, Timestamp,
    Truncate, WindowsEvent,
};

/// What becomes of an entry after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It goes on to the next step.
    Pass,
    /// It ends here: dropped, or held back by the step, which has taken it.
    Stop,
    /// It goes on at this step.
    Jump(usize),
    /// It goes on to the next step at this time.
    Wait(i64),
}

/// What a step may use beside the entry.
pub(super) struct Cx<'a> {
    /// Nanoseconds since 1970.
    pub now_ns: i64,
    pub counters: &'a mut Counters,
    /// Entries that go on to the next step, before the one that the step was given.
    pub spilled: &'a mut Vec<Entry>,
    /// Entries with allocations to reuse.
    pub spare: &'a mut Vec<Entry>,
    /// For the text that a step reads.
    pub scratch: &'a mut String,
}

impl Cx<'_> {
    /// The end of an entry, counted.
    pub fn drop(&mut self, reason: &str) -> Flow {
        self.counters.dropped_entries += 1;
        let known = self.counters.dropped.iter_mut().find(|(r, _)| r == reason);
        match known {
            Some((_, count)) => *count += 1,
            None => self.counters.dropped.push((reason.to_owned(), 1)),
        }
        Flow::Stop
    }

    /// The end of an entry that no counter of Alloy tells of.
    pub fn drop_uncounted(&mut self) -> Flow {
        self.counters.dropped_entries += 1;
        Flow::Stop
    }

    /// An empty entry.
    pub fn fresh(&mut self) -> Entry {
        self.spare.pop().unwrap_or_default()
    }
}

/// What the steps have counted.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Entries that were dropped, whether counted by reason or not.
    pub dropped_entries: u64,
    pub dropped: Vec<(String, u64)>,
    /// By name and value of the label. Emptied when a limit has met too many values.
    pub dropped_by_label: BTreeMap<(String, String), u64>,
    /// By what was cut.
    pub truncated: BTreeMap<&'static str, u64>,
    pub partial_lines_flushed: u64,
    pub lines_truncated: u64,
}

macro_rules! steps {
    ($($step:ident),* $(,)?) => {
        pub(super) enum Step {
            /// Entries for which the selector does not hold go on at the step behind its stages.
            Match(Selector, usize),
            /// Entries for which the selector holds are dropped for this reason.
            MatchDrop(Selector, String),
            /// The start of the stages inside a match: labels become extracted values again.
            ExtractLabels,
            $($step(Box<$step>),)*
        }

        impl Step {
            fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
                match self {
                    Step::Match(selector, otherwise) => match selector.matches(entry) {
                        true => Flow::Pass,
                        false => Flow::Jump(*otherwise),
                    },
                    Step::MatchDrop(selector, reason) => match selector.matches(entry) {
                        true => cx.drop(reason),
                        false => Flow::Pass,
                    },
                    Step::ExtractLabels => {
                        entry.extract_labels();
                        Flow::Pass
                    }
                    $(Step::$step(step) => step.process(entry, cx),)*
                }
            }
        }

        $(impl From<$step> for Step {
            fn from(step: $step) -> Step {
                Step::$step(Box::new(step))
            }
        })*
    };
}

steps![
    Cri,
    Decolorize,
    Docker,
    Drop,
    EventLog,
    Extract,
    GeoIp,
    Json,
    LabelDrop,
    LabelKeep,
    Limit,
    Logfmt,
    Luhn,
    MakeLabels,
    MakeMetadata,
    MetadataDrop,
    Metrics,
    Multiline,
    Output,
    Pack,
    Pattern,
    Replace,
    Sampling,
    SetTemplate,
    SplitJson,
    StaticLabels,
    Tenant,
    Timestamp,
    Truncate,
    WindowsEvent,
];

/// Puts a program together.
#[derive(Default)]
pub struct ProgramBuilder {
    steps: Vec<Step>,
}

impl ProgramBuilder {
    #[allow(private_bounds, reason = "the steps are this module's own list")]
    pub fn push(&mut self, step: impl Into<Step>) {
        self.steps.push(step.into());
    }

    /// The steps that `inner` adds are for entries that the selector matches.
    pub fn matching<E>(
        &mut self,
        selector: Selector,
        inner: impl FnOnce(&mut ProgramBuilder) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = self.steps.len();
        self.steps.push(Step::ExtractLabels);
        self.steps.push(Step::ExtractLabels);
        inner(self)?;
        self.steps[at] = Step::Match(selector, self.steps.len());
        Ok(())
    }

    pub fn drop_matching(&mut self, selector: Selector, reason: String) {
        self.steps.push(Step::MatchDrop(selector, reason));
    }

    #[must_use]
    pub fn build(self) -> Program {
        Program {
            steps: self.steps,
            counters: Counters::default(),
            spilled: Vec::new(),
            scratch: String::new(),
        }
    }
}

/// A pipeline with its state.
pub struct Program {
    steps: Vec<Step>,
    counters: Counters,
    spilled: Vec<Entry>,
    scratch: String,
}

/// What is on its way through a program: each entry with the step that is next for it. Every batch
/// has its own, since a step may have it wait.
#[derive(Default)]
pub struct Run {
    stack: Vec<(usize, Entry)>,
    spare: Vec<Entry>,
}

/// Limit: empty entries that are kept for reuse; a block of many lines that was let go at once may
/// have needed more.
const SPARE_MAX: usize = 64;

/// Limit: a buffer of this size is not kept, so that one long line does not stay in memory.
const SPARE_LINE_BYTES_MAX: usize = 256 << 10;

impl Run {
    /// An empty entry at the program's start, to be filled in before the program runs.
    pub fn start(&mut self) -> &mut Entry {
        let entry = self.spare.pop().unwrap_or_default();
        self.stack.push((0, entry));
        &mut self.stack.last_mut().expect("it was just pushed").1
    }

    fn give_back(&mut self, mut entry: Entry) {
        if self.spare.len() < SPARE_MAX && entry.line.capacity() <= SPARE_LINE_BYTES_MAX {
            entry.clear();
            self.spare.push(entry);
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every entry has left the program or is held back by a step.
    Done,
    /// The run is to go on at this time.
    Wait(i64),
}

impl Program {
    /// Moves all entries of a run as far as they go; what leaves the program is handed to `out`.
    pub fn run(&mut self, run: &mut Run, now_ns: i64, out: &mut impl FnMut(&mut Entry)) -> Status {
        while let Some((step, entry)) = run.stack.pop() {
            if let Some(until) = self.advance(run, step, entry, now_ns, out) {
                return Status::Wait(until);
            }
        }
        Status::Done
    }

    /// Moves one entry until it leaves, stops, waits, or others go before it.
    fn advance(
        &mut self,
        run: &mut Run,
        mut step: usize,
        mut entry: Entry,
        now_ns: i64,
        out: &mut impl FnMut(&mut Entry),
    ) -> Option<i64> {
        if step == 0 {
            entry.extract_labels();
        }
        while let Some(current) = self.steps.get_mut(step) {
            let mut cx = Cx {
                now_ns,
                counters: &mut self.counters,
                spilled: &mut self.spilled,
                spare: &mut run.spare,
                scratch: &mut self.scratch,
            };
            let flow = current.process(&mut entry, &mut cx);
            let next = match flow {
                Flow::Jump(next) => next,
                Flow::Pass | Flow::Stop | Flow::Wait(_) => step + 1,
            };
            if self.spilled.is_empty() && matches!(flow, Flow::Pass | Flow::Jump(_)) {
                step = next;
                continue;
            }
            match flow {
                Flow::Stop => run.give_back(entry),
                _ => run.stack.push((next, entry)),
            }
            // Last in, first out: the first of them ends on top.
            let spilled = self.spilled.drain(..).rev();
            run.stack.extend(spilled.map(|entry| (step + 1, entry)));
            return match flow {
                Flow::Wait(until) => Some(until),
                _ => None,
            };
        }
        out(&mut entry);
        run.give_back(entry);
        None
    }

    /// When the first of the entries that are held back is due.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<i64> {
        let deadlines = self.steps.iter().filter_map(|step| match step {
            Step::Multiline(multiline) => multiline.deadline_ns(),
            _ => None,
        });
        deadlines.min()
    }

    /// How many lines are held back.
    #[must_use]
    pub fn held(&self) -> u64 {
        let held = self.steps.iter().map(|step| match step {
            Step::Multiline(multiline) => multiline.held(),
            Step::Cri(cri) => cri.held(),
            _ => 0,
        });
        held.sum()
    }

    /// Puts what is due on its way.
    pub fn expire(&mut self, run: &mut Run, now_ns: i64) {
        for (index, step) in self.steps.iter_mut().enumerate().rev() {
            if let Step::Multiline(multiline) = step {
                multiline.expire(now_ns, &mut self.spilled);
                let due = self.spilled.drain(..).rev();
                run.stack.extend(due.map(|entry| (index + 1, entry)));
            }
        }
    }

    /// Lets go of everything that is held back, for the end. Nothing waits any more.
    pub fn finish(&mut self, run: &mut Run, now_ns: i64, out: &mut impl FnMut(&mut Entry)) {
        while self.run(run, now_ns, out) != Status::Done {}
        for index in 0..self.steps.len() {
            match &mut self.steps[index] {
                Step::Multiline(multiline) => multiline.flush(&mut self.spilled),
                Step::Cri(cri) => cri.flush(&mut self.spilled),
                _ => continue,
            }
            let held = self.spilled.drain(..).rev();
            run.stack.extend(held.map(|entry| (index + 1, entry)));
            while self.run(run, now_ns, out) != Status::Done {}
        }
    }

    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The metrics that stages keep.
    pub fn metrics(&mut self) -> impl Iterator<Item = &mut Metrics> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Metrics(metrics) => Some(&mut **metrics),
            _ => None,
        })
    }
}
