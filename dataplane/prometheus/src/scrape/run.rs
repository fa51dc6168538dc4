//! The loop of one target.

use std::cell::RefMut;
use std::rc::Rc;
use std::time::Duration;

use batch::{MetricsBatch, SeriesId};
use engine::Batch;
use formats::exposition::Format;
use net::{BodyLimits, HttpError, Request, header};
use runtime::Instant;

use super::error::ScrapeError;
use super::intake::{Counts, Intake, Scene};
use super::pool::{LastScrape, Member, Pool};
use super::report::{Extra, Report, ReportSeries};
use super::schedule::{Schedule, Tick};
use super::settings::{self, Media, Settings};
use crate::series_budget::Toll;

/// The work of an instance: its loops, until it is stopped.
pub async fn run(pool: Rc<Pool>) {
    struct Stop(Rc<Pool>);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    pool.start();
    let stop = Stop(pool);
    let forward = || stop.0.settings().forward.clone();
    stop.0.gate.run(forward).await;
}

/// Scrapes one target until it is gone. A panic costs what is remembered of the target, not the
/// target.
pub async fn target(pool: Rc<Pool>, member: Rc<Member>) {
    loop {
        let work = Loop::new(&pool, &member).run();
        match pool.cx.guard(work).await {
            Some(()) => return,
            None => runtime::sleep(member.target.interval).await,
        }
    }
}

struct Loop<'a> {
    pool: &'a Rc<Pool>,
    member: &'a Rc<Member>,
    intake: Intake,
    reports: ReportSeries,
    /// Of the last body, for the next one's reservation.
    body_bytes: u64,
    scraped: bool,
}

/// A body and how to read it.
struct Fetched {
    body: Vec<u8>,
    media: Media,
}

/// Limit: the first reservation for the body of a target that was never scraped.
const BODY_BYTES_FIRST: u64 = 256 << 10;

/// Ends of targets wait this much longer than two intervals, so that a target that only moved has
/// been scraped from its new place by then.
const END_SLACK: u32 = 10;

impl<'a> Loop<'a> {
    fn new(pool: &'a Rc<Pool>, member: &'a Rc<Member>) -> Loop<'a> {
        Loop {
            pool,
            member,
            intake: Intake::new(&pool.settings().labels),
            reports: ReportSeries::default(),
            body_bytes: BODY_BYTES_FIRST,
            scraped: false,
        }
    }

    async fn run(mut self) {
        let target = &self.member.target;
        let offset_ns = target.offset_ns(self.pool.offset_seed);
        let mut schedule = Schedule::new(target.interval, offset_ns, runtime::wall_ns());
        while !self.member.gone.get() {
            let tick = schedule.next(runtime::wall_ns());
            let changed = self.member.changed.notified();
            if runtime::timeout(tick.wait, changed).await.is_ok() {
                continue;
            }
            if self.pool.is_draining() {
                return std::future::pending().await;
            }
            self.pool.metrics.skipped_late.add(tick.missed);
            schedule.serve(tick);
            self.scrape(&schedule, tick).await;
        }
        self.end().await;
    }

    async fn scrape(&mut self, schedule: &Schedule, tick: Tick) {
        let settings = self.pool.settings();
        let start_ns = runtime::wall_ns();
        let timestamp_ms = schedule.timestamp_ms(tick, start_ns);
        let start = runtime::now();
        let Some(reservation) = self.pool.cx.budget.reserve(self.body_bytes) else {
            self.pool.metrics.skipped_memory.inc();
            return;
        };
        let fetched = self.fetch(&settings).await;
        if self.pool.is_draining() {
            return;
        }
        let mut batch = self.pool.take_batch();
        let mut release = Vec::new();
        let mut scene = Surroundings {
            timestamp_ms,
            settings: &settings,
        };
        let (counts, error) = self.take_in(&fetched, &mut scene, &mut batch, &mut release);
        let body_bytes = match (&fetched, &error) {
            (_, Some(ScrapeError::BodySizeLimit { .. })) => -1,
            (Ok(fetched), _) => fetched.body.len() as i64,
            (Err(_), _) => 0,
        };
        if let Ok(Fetched { body, .. }) = fetched {
            self.body_bytes = (body.len() as u64).max(1 << 10);
            self.pool.keep_buffer(body);
        }
        drop(reservation);
        let report = self.report(&settings, start, &counts, &error, body_bytes);
        self.append_report(timestamp_ms, &report, &mut batch);
        self.scraped = true;
        if let (Some(error), Some(path)) = (&error, &settings.failure_log) {
            self.pool.failures.write(path, self.member, error).await;
        }
        self.note(start_ns, start.elapsed(), error);
        let deadline = start + self.member.target.interval;
        self.deliver(&settings, batch, release, deadline).await;
    }

    /// Asks the target. The buffer of a failed answer is lost, which happens rarely.
    async fn fetch(&self, settings: &Settings) -> Result<Fetched, ScrapeError> {
        let target = &self.member.target;
        let (targets, limit) = (self.pool.target_count(), settings.target_limit);
        if limit > 0 && targets as u64 > limit {
            return Err(ScrapeError::TargetLimit { targets, limit });
        }
        let mut request = Request::get(&target.request_target);
        request.headers = settings::headers(settings, target.timeout);
        let limits = body_limits(settings, self.pool.cx.budget.limit());
        let mut body = self.pool.take_buffer();
        let head = settings
            .client
            .send_into(&request, target.timeout, limits, &mut body)
            .await;
        let head = head.map_err(|error| match error {
            HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => {
                ScrapeError::BodySizeLimit {
                    limit: settings.body_size_limit,
                }
            }
            other => ScrapeError::Http(other.to_string()),
        })?;
        if head.status.as_u16() != 200 {
            return Err(ScrapeError::Status(head.status.as_u16()));
        }
        let named = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        match media(named.unwrap_or_default(), settings) {
            Some(media) => Ok(Fetched { body, media }),
            // An empty body is a good scrape whatever it claims to be.
            None if body.is_empty() => Ok(Fetched {
                body,
                media: Media::Text(Format::Text),
            }),
            None => Err(ScrapeError::ContentType(
                named.unwrap_or_default().to_owned(),
            )),
        }
    }

    fn take_in(
        &mut self,
        fetched: &Result<Fetched, ScrapeError>,
        surroundings: &mut Surroundings<'_>,
        batch: &mut MetricsBatch,
        release: &mut Vec<SeriesId>,
    ) -> (Counts, Option<ScrapeError>) {
        let mut table = self.pool.cx.series.borrow_mut();
        let mut scratch: RefMut<'_, _> = self.pool.scratch.borrow_mut();
        let mut toll = Toll::default();
        let mut scene = Scene {
            settings: surroundings.settings,
            target: &self.member.target.labels,
            table: &mut table,
            scratch: &mut scratch,
            timestamp_ms: surroundings.timestamp_ms,
            batch,
            release,
            gate: &self.pool.gate,
            toll: &mut toll,
        };
        self.intake
            .adopt(&surroundings.settings.labels, scene.table);
        let taken = match fetched {
            Ok(Fetched { body, media }) => {
                let (counts, result) = self.intake.take(body, *media, &mut scene);
                (counts, result.err())
            }
            Err(error) => {
                self.intake.fail(&mut scene);
                (Counts::default(), Some(error.clone()))
            }
        };
        self.pool.gate.settle(toll);
        taken
    }

    fn report(
        &self,
        settings: &Settings,
        start: Instant,
        counts: &Counts,
        error: &Option<ScrapeError>,
        body_bytes: i64,
    ) -> Report {
        let metrics = &self.pool.metrics;
        metrics.duplicates.add(counts.duplicates as u64);
        metrics.out_of_bounds.add(counts.out_of_bounds as u64);
        Report {
            up: error.is_none(),
            duration_seconds: start.elapsed().as_secs_f64(),
            samples: counts.samples,
            samples_kept: counts.kept,
            series_added: counts.added,
            extra: settings.extra_metrics.then(|| Extra {
                timeout_seconds: self.member.target.timeout.as_secs_f64(),
                sample_limit: settings.sample_limit,
                body_bytes,
            }),
        }
    }

    fn append_report(&mut self, timestamp_ms: i64, report: &Report, batch: &mut MetricsBatch) {
        let mut table = self.pool.cx.series.borrow_mut();
        self.reports.append(
            &mut table,
            &self.member.target.labels,
            timestamp_ms,
            report,
            batch,
        );
    }

    fn note(&self, wall_ns: i64, duration: Duration, error: Option<ScrapeError>) {
        if let Some(error) = &error {
            self.pool.metrics.failed(error);
            if let Some(held_back) = self.pool.failure_log.pass() {
                let (node, url) = (&*self.pool.cx.node, &self.member.target.url);
                tracing::debug!(
                    component_id = node,
                    url,
                    held_back,
                    "scrape failed: {error}"
                );
            }
        }
        let error = error.map(|error| error.to_string());
        *self.member.last.borrow_mut() = Some(LastScrape {
            wall_ns,
            duration,
            error,
        });
    }

    /// Passes the batch on. Afterwards the references of ended series are given back.
    async fn deliver(
        &self,
        settings: &Settings,
        mut batch: MetricsBatch,
        release: Vec<SeriesId>,
        deadline: Instant,
    ) {
        let _delivery = self.pool.deliver();
        batch.patience = PATIENCE.min(self.member.target.interval / 4);
        let batch = Rc::new(batch);
        let offered = Batch::Metrics(batch.clone());
        if let Err(nack) = settings.forward.consume_until(offered, deadline).await {
            self.pool.metrics.dropped.add(batch.items() as u64);
            if let Some(held_back) = self.pool.failure_log.pass() {
                let node = &*self.pool.cx.node;
                let (count, reason) = (batch.items(), nack.reason);
                tracing::warn!(
                    component_id = node,
                    held_back,
                    reason,
                    "{count} scraped samples were not taken and are dropped: {}",
                    nack.message
                );
            }
        }
        if let Ok(batch) = Rc::try_unwrap(batch) {
            self.pool.keep_batch(batch);
        }
        let mut table = self.pool.cx.series.borrow_mut();
        for series in release {
            table.release(series);
        }
    }

    /// The target is gone: its series end, unless something writes them still. The markers carry
    /// the time of the tick that would have come next.
    async fn end(mut self) {
        let interval = self.member.target.interval;
        let mut batch = MetricsBatch::default();
        let mut release = Vec::new();
        let offset_ns = self.member.target.offset_ns(self.pool.offset_seed);
        let tick = Schedule::new(interval, offset_ns, runtime::wall_ns()).next(runtime::wall_ns());
        let timestamp_ms = tick.wall_ns.div_euclid(1_000_000);
        runtime::sleep(tick.wait + interval + interval / END_SLACK).await;
        self.intake.end(timestamp_ms, &mut batch, &mut release);
        self.reports.end(timestamp_ms, &mut batch, &mut release);
        if !self.scraped || self.pool.writes(&self.member.target) {
            batch.clear();
        }
        let settings = self.pool.settings();
        self.deliver(&settings, batch, release, runtime::now() + interval)
            .await;
    }
}

/// How long a scrape waits for others to share its sync, a quarter of the interval at most. Targets
/// are spread over the interval, so a hundred of them each second make four syncs and not a
/// hundred; a killed process loses the scrapes of this time, as it loses those under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a scrape knows besides its body.
struct Surroundings<'a> {
    timestamp_ms: i64,
    settings: &'a Settings,
}

/// How to read a body of a content type; parameters are ignored for the choice.
fn media(content_type: &str, settings: &Settings) -> Option<Media> {
    let media = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match media.as_str() {
        "text/plain" => Some(Media::Text(Format::Text)),
        "application/openmetrics-text" => Some(Media::Text(Format::OpenMetrics)),
        "application/vnd.google.protobuf" => Some(Media::Protobuf),
        _ => settings.fallback,
    }
}

/// The largest body that is read. Compat: a body of exactly `body_size_limit` bytes is refused, and
/// the limit is for the bytes after decompression.
fn body_limits(settings: &Settings, budget_bytes: u64) -> BodyLimits {
    let decoded_bytes = match settings.body_size_limit {
        0 => budget_bytes,
        limit => limit - 1,
    };
    BodyLimits {
        // What does not compress grows: 18 bytes around all of it, 5 for each 16 KiB.
        wire_bytes: decoded_bytes.saturating_add(decoded_bytes / 1024 + 64),
        decoded_bytes,
    }
}
