//! The steps of a sample, each in a function of its own that callgrind can find by name.

use batch::otlp::{AnyValue, OtlpBatch, OtlpSignal};
use batch::{Histogram, LabelsBuf, Metadata, Sample, ScrapeCache, SeriesTable};
use bytes::Bytes;
use formats::exposition::{Entry, Format, KnownOptions, Parser, read_series};
use formats::remote_write::v1::{BlockEncoder, Encoder, Stencil, StencilMaker, visit};
use formats::remote_write::{DecodeError, Limits, SeriesMetadata, Visit, WireLabels};
use formats::snappy::Compressor;
use ops::relabel::{NameScheme, Outcome, Rule, RuleText, apply};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::{page, spans};

/// How often a stage goes over the page: enough that what happens once does not show.
pub const ROUNDS: usize = 20;
const TIME_MS: i64 = 1_790_000_000_000;

/// A target after its first scrape, and pages of the scrapes to come.
pub struct Bench {
    pages: Vec<String>,
    table: SeriesTable,
    cache: ScrapeCache,
    samples: Vec<Sample>,
    rules: Vec<Rule>,
    encoder: Encoder,
    compressor: Compressor,
    compressed: Vec<u8>,
    blocks: BlockEncoder,
    block: Vec<u8>,
    maker: StencilMaker,
    stencils: Vec<Stencil>,
    stencilled: Vec<u8>,
    request: Bytes,
}

/// A round over the spans counts as many items as one over the page.
const _: () = assert!(spans::SPANS == page::SERIES);

/// Series of a stencil, as the product cuts them.
const RUN: usize = 64;

/// Work that is counted.
pub type Stage = fn(&mut Bench);

/// The stages, in the order in which a sample meets them.
pub const STAGES: [(&str, Stage); 13] = [
    ("first", Bench::stage_first),
    ("relabel", Bench::stage_relabel),
    ("parse", Bench::stage_parse),
    ("encode", Bench::stage_encode),
    ("compress", Bench::stage_compress),
    ("walk", Bench::stage_walk),
    ("block", Bench::stage_block),
    ("draw", Bench::stage_draw),
    ("stencil", Bench::stage_stencil),
    ("otlp_check", Bench::stage_otlp_check),
    ("otlp_touch", Bench::stage_otlp_touch),
    ("otlp_rename", Bench::stage_otlp_rename),
    ("otlp_filter", Bench::stage_otlp_filter),
];

impl Bench {
    pub fn new() -> Bench {
        let mut bench = Bench {
            pages: (0..ROUNDS as u64).map(page::render).collect(),
            table: SeriesTable::new(1),
            cache: ScrapeCache::new(2),
            samples: Vec::new(),
            rules: rules(),
            encoder: Encoder::new(),
            compressor: Compressor::new(),
            compressed: Vec::new(),
            blocks: BlockEncoder::new(),
            block: Vec::new(),
            maker: StencilMaker::default(),
            stencils: Vec::new(),
            stencilled: Vec::new(),
            request: spans::request(),
        };
        let page = page::render(0);
        bench.scrape_new(&page);
        // Warm: buffers have their size before anything is counted.
        bench.scrape_known(&page);
        bench.encode();
        bench.compress();
        bench.write_block();
        bench.draw_stencils();
        bench.fill_stencils();
        bench
    }

    /// Bytes of the page, of the request, and of the request compressed in two passes, in one, and
    /// by stencils.
    pub fn sizes(&mut self) -> [usize; 5] {
        [
            self.pages[0].len(),
            self.encoder.finish().len(),
            self.compressed.len(),
            self.block.len(),
            self.stencilled.len(),
        ]
    }

    /// New series: labels are read, merged with the target's and interned.
    #[inline(never)]
    pub fn stage_first(&mut self) {
        for page in std::mem::take(&mut self.pages) {
            self.table = SeriesTable::new(1);
            self.cache = ScrapeCache::new(2);
            self.scrape_new(&page);
        }
    }

    /// Three rules over the labels of every series, as on a cache miss.
    #[inline(never)]
    pub fn stage_relabel(&mut self) {
        let mut labels = LabelsBuf::new();
        for _ in 0..ROUNDS {
            for sample in &self.samples {
                self.table.read_labels(sample.series, &mut labels);
                assert_eq!(apply(&self.rules, &mut labels), Outcome::Keep);
            }
        }
    }

    /// Known series in order: a line becomes a sample in the batch.
    #[inline(never)]
    pub fn stage_parse(&mut self) {
        for page in std::mem::take(&mut self.pages) {
            self.scrape_known(&page);
        }
    }

    /// A batch becomes a remote write request.
    #[inline(never)]
    pub fn stage_encode(&mut self) {
        for _ in 0..ROUNDS {
            self.encode();
        }
    }

    /// A request is compressed.
    #[inline(never)]
    pub fn stage_compress(&mut self) {
        for _ in 0..ROUNDS {
            self.compress();
        }
    }

    /// A request is walked as a receiver does that knows its series: all that is left out is the
    /// look-up of their hashes.
    #[inline(never)]
    pub fn stage_walk(&mut self) {
        let limits = Limits {
            series_max: page::SERIES,
            labels_per_series_max: 512,
            items_max: page::SERIES,
        };
        let request = self.encoder.finish();
        for _ in 0..ROUNDS {
            let mut walked = Walked::default();
            visit(request, &limits, &mut walked).expect("our own request");
            assert_eq!(walked.samples, page::SERIES);
            assert_ne!(walked.hash, 0);
        }
    }

    /// A batch becomes a compressed request in one pass: what the product does instead of the two
    /// above with a series that it has not seen often.
    #[inline(never)]
    pub fn stage_block(&mut self) {
        for _ in 0..ROUNDS {
            self.write_block();
        }
    }

    /// A request of spans is checked at every depth and counted: all that receiving it costs here.
    #[inline(never)]
    pub fn stage_otlp_check(&mut self) {
        for _ in 0..ROUNDS {
            assert_eq!(self.batch().items(), spans::SPANS);
        }
    }

    /// A request is read as a tree and written again, with no span touched.
    #[inline(never)]
    pub fn stage_otlp_touch(&mut self) {
        let batch = self.unchecked();
        for _ in 0..ROUNDS {
            assert_eq!(batch.spans().encode().items(), spans::SPANS);
        }
    }

    /// One attribute of every span gets another name.
    #[inline(never)]
    pub fn stage_otlp_rename(&mut self) {
        let batch = self.unchecked();
        for _ in 0..ROUNDS {
            let mut tree = batch.spans();
            tree.for_each(|_, _, span| {
                let attributes = &mut span.get_mut().attributes;
                let old = attributes.iter_mut().find(|it| it.key == "http.route");
                old.expect("every span has one").key = "route".into();
            });
            assert_eq!(tree.encode().items(), spans::SPANS);
        }
    }

    /// One of twenty spans is kept, by an attribute.
    #[inline(never)]
    pub fn stage_otlp_filter(&mut self) {
        let batch = self.unchecked();
        let error = AnyValue::Int(500);
        for _ in 0..ROUNDS {
            let mut tree = batch.spans();
            for group in &mut tree.resources {
                for scope in &mut group.scopes {
                    scope.items.retain(|span| {
                        let status = span.get().attributes.get("http.response.status_code");
                        status == Some(&error)
                    });
                }
            }
            tree.prune();
            assert_eq!(tree.encode().items(), spans::SPANS / 20);
        }
    }

    fn batch(&self) -> OtlpBatch {
        let batch = OtlpBatch::from_request(OtlpSignal::Traces, self.request.clone());
        batch.expect("a request of our own")
    }

    fn unchecked(&self) -> OtlpBatch {
        let (request, items) = (self.request.clone(), spans::SPANS);
        OtlpBatch::from_checked_request(OtlpSignal::Traces, request, items)
    }

    /// Stencils are made of runs of series that came again.
    #[inline(never)]
    pub fn stage_draw(&mut self) {
        for _ in 0..ROUNDS {
            self.draw_stencils();
        }
    }

    /// A batch becomes a compressed request by stencils: the steady state.
    #[inline(never)]
    pub fn stage_stencil(&mut self) {
        for _ in 0..ROUNDS {
            self.fill_stencils();
        }
    }

    fn scrape_new(&mut self, page: &str) {
        let mut labels = LabelsBuf::new();
        let mut parser = Parser::new(page.as_bytes(), Format::Text);
        self.cache.begin();
        while let Some(entry) = parser.next().expect("our own page") {
            let Entry::Sample(line) = entry else { continue };
            let key = self.cache.find(line.text).expect_err("a new series");
            read_series(line.text, line.kind, &mut labels).expect("our own series");
            for (name, value) in page::TARGET {
                labels.set(name, value);
            }
            self.cache
                .insert(key, Some(self.table.intern(&labels)), true);
        }
        self.cache
            .commit(|_| unreachable!("nothing was there before"));
    }

    fn scrape_known(&mut self, page: &str) {
        let options = KnownOptions {
            timestamp_ms: TIME_MS,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            timestamp_ms_max: i64::MAX,
        };
        self.samples.clear();
        let mut parser = Parser::new(page.as_bytes(), Format::Text);
        self.cache.begin();
        loop {
            parser.known(&mut self.cache, &options, &mut self.samples);
            match parser.next().expect("our own page") {
                Some(Entry::Sample(_)) => unreachable!("every series is known"),
                Some(_) => {}
                None => break,
            }
        }
        self.cache.commit(|_| unreachable!("nothing vanishes"));
        assert_eq!(self.samples.len(), page::SERIES);
    }

    fn encode(&mut self) {
        self.encoder.clear();
        for sample in &self.samples {
            self.encoder.sample(&self.table, *sample);
        }
        assert!(self.encoder.finish().len() > page::SERIES * 200);
    }

    fn write_block(&mut self) {
        self.blocks.clear();
        self.blocks.catch_up(&self.table);
        for sample in &self.samples {
            self.blocks.sample(&self.table, *sample);
        }
        self.blocks.end_series(&self.table);
        self.block.clear();
        self.blocks.finish(&mut self.block);
    }

    fn draw_stencils(&mut self) {
        self.stencils.clear();
        for run in self.samples.chunks(RUN) {
            self.blocks.begin_stencil(&mut self.maker, TIME_MS);
            for sample in run {
                assert!(self.maker.push(&self.table, sample.series));
            }
            self.stencils.push(self.maker.finish());
        }
    }

    fn fill_stencils(&mut self) {
        self.blocks.clear();
        self.blocks.catch_up(&self.table);
        for (run, stencil) in self.samples.chunks(RUN).zip(&self.stencils) {
            let values = run.iter().map(|sample| sample.value);
            assert!(self.blocks.stencil(&self.table, stencil, TIME_MS, values));
        }
        self.stencilled.clear();
        self.blocks.finish(&mut self.stencilled);
    }

    fn compress(&mut self) {
        self.compressor
            .compress(self.encoder.finish(), &mut self.compressed);
    }
}

/// Hashes labels and counts samples.
#[derive(Default)]
struct Walked {
    hash: u128,
    samples: usize,
}

impl Visit for Walked {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        self.hash ^= xxh3_128_with_seed(labels.bytes(), 1);
        Ok(())
    }

    fn sample(&mut self, _: i64, _: f64) {
        self.samples += 1;
    }

    fn histogram(&mut self, _: i64, _: Histogram) {}
    fn exemplar(&mut self, _: i64, _: f64, _: LabelsBuf) {}
    fn metadata(&mut self, _: Metadata) {}
    fn series_metadata(&mut self, _: SeriesMetadata<'_>) {}
    fn unreadable_exemplar(&mut self, _: &'static str) {}
}

fn rules() -> Vec<Rule> {
    let mut keep = RuleText::new("keep");
    keep.source_labels = vec!["namespace".to_owned(), "mode".to_owned()];
    keep.regex = "[a-z-]+;[a-z]*".to_owned();
    let mut replace = RuleText::new("replace");
    replace.source_labels = vec!["pod".to_owned()];
    replace.regex = "(.+)-[0-9a-f]+-[0-9]+".to_owned();
    replace.target_label = "deployment".to_owned();
    let mut drop = RuleText::new("labeldrop");
    drop.regex = "container|image".to_owned();
    let rule = |text| Rule::new(text, NameScheme::Legacy).expect("a valid rule");
    [keep, replace, drop].map(rule).into()
}
