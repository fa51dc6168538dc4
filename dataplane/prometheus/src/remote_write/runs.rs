//! Runs of series that come again and again in the same order, and the stencils by which they go
//! out (see `formats::remote_write::v1::Stencil`).
//!
//! ```text
//! a batch that came within seconds -> each 64 series: a candidate -> the same again: a stencil
//! ```
//!
//! A stencil costs about 110 bytes a series. They are well spent where samples are frequent: each
//! sample costs a small part of what it costs without. At one scrape a minute nobody misses the
//! time, and memory is what a host runs out of; so those have none.
//!
//! Invariant: all series of a run are alive, for the run ends with the first of them that dies. A
//! series is in one run at most, which bounds the memory of all of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use batch::{Sample, SeriesId, SeriesMap, SeriesTable};
use formats::remote_write::v1::{BlockEncoder, Stencil, StencilMaker};
use runtime::Instant;

/// Limit: series of a run. Each run begins with a series of which nothing stands before it (some
/// 250 bytes), and each change of a series costs the whole run its stencil.
const RUN_MAX: usize = 64;
/// Shorter runs save too little.
const RUN_MIN: usize = 8;

/// How soon a batch must come again to be worth the memory of stencils.
const AGAIN_WITHIN: Duration = Duration::from_millis(5_500);

/// Limit: memory of the stencils of one lane, enough for 900,000 series; others go out without.
const BYTES_MAX: usize = 64 << 20;

/// Limit: batches and candidates that are remembered; at it all are forgotten, and found again.
const REMEMBERED_MAX: usize = 1 << 16;

/// No series id is ever this large.
const NONE: u32 = u32::MAX;

/// The runs of one lane.
pub struct Runs {
    series: Rc<RefCell<SeriesTable>>,
    len_max: usize,
    /// When a batch that begins with this series came last.
    batches: HashMap<SeriesId, Instant>,
    /// By first series: the hash of a run that was seen once.
    candidates: HashMap<SeriesId, u64>,
    /// By first series.
    runs: HashMap<SeriesId, Rc<Run>>,
    /// The first series of the run that a series is in. `None` only while it is dropped.
    members: Option<SeriesMap<u32>>,
    maker: StencilMaker,
    bytes: usize,
}

/// A run with its stencil.
pub struct Run {
    from: Box<[SeriesId]>,
    /// What the rules make of each series; none when all stay as they are.
    to: Option<Box<[Option<SeriesId>]>>,
    pub kept: usize,
    pub stencil: Stencil,
}

/// What to do with the next samples of a batch.
pub enum Next {
    Run(Rc<Run>),
    /// So many of them go out one by one.
    Alone(usize),
    /// So many of them have come again: a stencil is worth drawing.
    Draw(usize),
}

impl Run {
    pub fn len(&self) -> usize {
        self.from.len()
    }

    /// The series as they go out.
    pub fn sent(&self) -> impl Iterator<Item = SeriesId> {
        let same = self.from.iter().copied().filter(|_| self.to.is_none());
        same.chain(self.to.iter().flatten().copied().flatten())
    }

    /// The values of those samples that go out.
    #[inline]
    pub fn values(&self, samples: &[Sample]) -> impl Iterator<Item = f64> {
        let to = self.to.as_deref();
        let sent = move |at: usize| to.is_none_or(|to| to[at].is_some());
        let samples = samples.iter().enumerate();
        samples
            .filter(move |(at, _)| sent(*at))
            .map(|(_, sample)| sample.value)
    }

    #[inline]
    fn is(&self, samples: &[Sample]) -> bool {
        let Some(samples) = samples.get(..self.from.len()) else {
            return false;
        };
        let timestamp_ms = samples[0].timestamp_ms;
        let mut pairs = self.from.iter().zip(samples);
        pairs
            .all(|(series, sample)| sample.series == *series && sample.timestamp_ms == timestamp_ms)
    }

    fn memory_bytes(&self) -> usize {
        let ids = size_of_val(&*self.from) + self.to.as_deref().map_or(0, size_of_val);
        // And what says of each series which run it is in.
        size_of::<Run>() + ids + self.stencil.memory_bytes() + self.from.len() * size_of::<u32>()
    }
}

impl Runs {
    pub fn new(series: &Rc<RefCell<SeriesTable>>, samples_max: usize) -> Runs {
        let members = SeriesMap::new(&mut series.borrow_mut(), NONE);
        Runs {
            series: series.clone(),
            len_max: RUN_MAX.min(samples_max),
            batches: HashMap::new(),
            candidates: HashMap::new(),
            runs: HashMap::new(),
            members: Some(members),
            maker: StencilMaker::default(),
            bytes: 0,
        }
    }

    /// Forgets runs of which a series died. Must be called before the lookups of a batch.
    pub fn catch_up(&mut self, table: &mut SeriesTable) {
        let mut ended = Vec::new();
        let members = self.members.as_mut().expect("there until dropped");
        members.drain(table, |_, first| ended.push(SeriesId(first)));
        for first in ended {
            self.end(first);
        }
    }

    /// Whether a batch that begins like this one came a moment ago.
    pub fn comes_again(&mut self, samples: &[Sample]) -> bool {
        let Some(first) = samples.first() else {
            return false;
        };
        if self.batches.len() >= REMEMBERED_MAX {
            self.batches.clear();
        }
        let now = runtime::now();
        let before = self.batches.insert(first.series, now);
        before.is_some_and(|before| now - before <= AGAIN_WITHIN)
    }

    /// Looks at the samples that are left of a batch, of which there is one at least.
    #[inline]
    pub fn next(&mut self, samples: &[Sample]) -> Next {
        match self.runs.get(&samples[0].series) {
            Some(run) if run.is(samples) => Next::Run(run.clone()),
            _ => self.consider(samples),
        }
    }

    #[cold]
    fn consider(&mut self, samples: &[Sample]) -> Next {
        let (first, timestamp_ms) = (samples[0].series, samples[0].timestamp_ms);
        let mut hash = stdx::Fnv1a::new();
        let mut len = 0;
        for sample in samples.iter().take(self.len_max) {
            // A run does not reach into the next one: that would end it.
            let begins_another = 0 < len && self.runs.contains_key(&sample.series);
            if begins_another || sample.timestamp_ms != timestamp_ms {
                break;
            }
            hash.write(&sample.series.0.to_le_bytes());
            len += 1;
        }
        if len < RUN_MIN {
            return Next::Alone(len);
        }
        if self.candidates.len() >= REMEMBERED_MAX {
            self.candidates.clear();
        }
        let hash = hash.finish();
        let again = self.candidates.insert(first, hash) == Some(hash);
        if again && self.bytes < BYTES_MAX {
            self.candidates.remove(&first);
            return Next::Draw(len);
        }
        Next::Alone(len)
    }

    /// Draws the stencil of samples that are to be a run; `outcomes` is what goes out for each.
    /// The first of them only, if more do not fit; none if those are too few.
    pub fn draw(
        &mut self,
        table: &SeriesTable,
        blocks: &mut BlockEncoder,
        samples: &[Sample],
        outcomes: &[Option<SeriesId>],
    ) -> Option<Rc<Run>> {
        blocks.begin_stencil(&mut self.maker, samples[0].timestamp_ms);
        let maker = &mut self.maker;
        let fits =
            |outcome: &&Option<SeriesId>| outcome.is_none_or(|series| maker.push(table, series));
        let to = &outcomes[..outcomes.iter().take_while(fits).count()];
        if to.len() < RUN_MIN {
            return None;
        }
        let samples = &samples[..to.len()];
        let from: Box<[SeriesId]> = samples.iter().map(|sample| sample.series).collect();
        let same = from.iter().zip(to).all(|(from, to)| *to == Some(*from));
        let run = Rc::new(Run {
            kept: to.iter().flatten().count(),
            from,
            to: (!same).then(|| to.into()),
            stencil: self.maker.finish(),
        });
        self.begin(&run);
        Some(run)
    }

    fn begin(&mut self, run: &Rc<Run>) {
        for series in &run.from {
            let taken_from = self.members().get(*series);
            if taken_from != NONE {
                self.end(SeriesId(taken_from));
            }
        }
        let first = run.from[0];
        let members = self.members.as_mut().expect("there until dropped");
        for series in &run.from {
            members.set(*series, first.0);
        }
        self.bytes += run.memory_bytes();
        let before = self.runs.insert(first, run.clone());
        debug_assert!(before.is_none(), "its series was in that run");
    }

    fn end(&mut self, first: SeriesId) {
        let Some(run) = self.runs.remove(&first) else {
            return;
        };
        self.bytes -= run.memory_bytes();
        let members = self.members.as_mut().expect("there until dropped");
        for series in &run.from {
            members.set(*series, NONE);
        }
    }

    fn members(&self) -> &SeriesMap<u32> {
        self.members.as_ref().expect("there until dropped")
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if let Some(members) = self.members.take() {
            members.close(&mut self.series.borrow_mut(), |_, _| {});
        }
    }
}
