//! When a run gets its stencil, and when it loses it; and that what arrives is what was exposed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use batch::{LabelsBuf, STALE_NAN, Sample, SeriesId, SeriesTable};
use engine::testing::{TestShard, body, node, receivers, with_block};
use formats::remote_write::v1::BlockEncoder;
use runtime::sim::check;
use schema::Value;

use super::runs::{Next, Runs};
use super::tests::{NODE, SECOND, apply, endpoint, remote_write};
use crate::scrape;
use crate::testing::{Exposer, Receiver};

struct Rig {
    table: Rc<RefCell<SeriesTable>>,
    runs: Runs,
    blocks: BlockEncoder,
}

impl Rig {
    fn new() -> Rig {
        let table = Rc::new(RefCell::new(SeriesTable::new(1)));
        Rig {
            runs: Runs::new(&table, 2000),
            table,
            blocks: BlockEncoder::new(),
        }
    }

    fn series(&self, numbers: std::ops::Range<usize>) -> Vec<SeriesId> {
        let name = |number: usize| format!("n{number}");
        let labels =
            |number| -> LabelsBuf { [("__name__", name(number).as_str())].into_iter().collect() };
        let mut table = self.table.borrow_mut();
        numbers
            .map(|number| table.intern(&labels(number)))
            .collect()
    }

    /// Takes a batch as the encoder does, all series kept: which samples went how.
    fn take(&mut self, series: &[SeriesId]) -> String {
        let samples: Vec<Sample> = series
            .iter()
            .map(|series| Sample {
                series: *series,
                timestamp_ms: 7,
                value: 1.0,
            })
            .collect();
        let table = self.table.clone();
        let table = &mut *table.borrow_mut();
        self.runs.catch_up(table);
        if !self.runs.comes_again(&samples) {
            return "new".to_owned();
        }
        let (mut ways, mut at) = (Vec::new(), 0);
        while at < samples.len() {
            let left = &samples[at..];
            let (way, len) = match self.runs.next(left) {
                Next::Run(run) => ("run", run.len()),
                Next::Alone(len) => ("alone", len),
                Next::Draw(len) => {
                    let kept: Vec<_> = left.iter().map(|sample| Some(sample.series)).collect();
                    let (left, kept) = (&left[..len], &kept[..len]);
                    let drawn = self.runs.draw(table, &mut self.blocks, left, kept);
                    ("drawn", drawn.expect("small series").len())
                }
            };
            ways.push(format!("{way} {len}"));
            at += len;
        }
        ways.join(", ")
    }
}

#[test]
fn a_batch_that_comes_again_within_seconds_goes_out_by_stencils() {
    check(1, || async {
        let mut rig = Rig::new();
        let series = rig.series(0..100);
        assert_eq!(rig.take(&series), "new");
        assert_eq!(rig.take(&series), "alone 64, alone 36");
        assert_eq!(rig.take(&series), "drawn 64, drawn 36");
        assert_eq!(rig.take(&series), "run 64, run 36");
        runtime::sleep(Duration::from_secs(10)).await;
        assert_eq!(rig.take(&series), "new", "memory is not for rare batches");
        assert_eq!(
            rig.take(&series),
            "run 64, run 36",
            "but what is drawn is used"
        );
    });
}

#[test]
fn the_death_of_a_series_ends_its_run_and_no_other() {
    check(1, || async {
        let mut rig = Rig::new();
        let mut series = rig.series(0..128);
        for _ in 0..4 {
            rig.take(&series);
        }
        rig.table.borrow_mut().release(series[10]);
        let other = rig.series(500..501)[0];
        series[10] = other;
        assert_eq!(rig.take(&series), "alone 64, run 64");
        assert_eq!(rig.take(&series), "drawn 64, run 64");
        assert_eq!(rig.take(&series), "run 64, run 64");
    });
}

#[test]
fn an_inserted_series_does_not_shift_the_runs_behind_it() {
    check(1, || async {
        let mut rig = Rig::new();
        let mut series = rig.series(0..192);
        for _ in 0..4 {
            rig.take(&series);
        }
        series.insert(70, rig.series(500..501)[0]);
        assert_eq!(rig.take(&series), "run 64, alone 64, alone 1, run 64");
        assert_eq!(rig.take(&series), "run 64, drawn 64, alone 1, run 64");
    });
}

#[test]
fn a_series_is_in_one_run_at_most() {
    check(1, || async {
        let mut rig = Rig::new();
        let series = rig.series(0..80);
        for _ in 0..4 {
            rig.take(&series[..64]);
        }
        assert_eq!(rig.take(&series[..64]), "run 64");
        for _ in 0..3 {
            rig.take(&series[16..]);
        }
        assert_eq!(rig.take(&series[16..]), "run 64");
        let ways = rig.take(&series[..64]);
        assert_eq!(ways, "alone 16, alone 48", "the other run took them");
    });
}

#[test]
fn stencils_leave_the_table_as_it_was() {
    check(1, || async {
        let mut rig = Rig::new();
        let series = rig.series(0..100);
        for _ in 0..4 {
            rig.take(&series);
        }
        let Rig { table, runs, .. } = rig;
        for id in &series {
            table.borrow_mut().release(*id);
        }
        drop(runs);
        assert_eq!((table.borrow().len(), table.borrow().waiting()), (0, 0));
    });
}

/// 150 series that count seconds; some have no value but zero, and one comes and goes.
fn page(second: u64) -> String {
    let line = |number: u64| {
        let value = if number.is_multiple_of(3) {
            0
        } else {
            second * 1000 + number
        };
        format!("n{{number=\"{number}\"}} {value}\n")
    };
    let shown = (0..150).filter(|number| *number != 77 || second % 4 != 3);
    shown.map(line).collect()
}

#[test]
fn what_arrives_is_what_was_exposed_with_rules_that_drop_and_rename() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Rc::new(Exposer::start(&page(0)));
        let shown = exposer.clone();
        runtime::spawn(async move {
            for second in 1.. {
                runtime::sleep(SECOND).await;
                shown.show(&page(second));
            }
        });
        let (plain, ruled) = (Receiver::start(), Receiver::start());
        let drop = body([
            ("source_labels", Value::array([Value::string("number")])),
            ("regex", Value::string("1.")),
            ("action", Value::string("drop")),
        ]);
        let rename = body([
            ("source_labels", Value::array([Value::string("number")])),
            ("target_label", Value::string("nummer")),
        ]);
        let with_rules = with_block(endpoint(&ruled), "write_relabel_config", drop);
        let with_rules = with_block(with_rules, "write_relabel_config", rename);
        let arguments = body([
            ("targets", Value::array([exposer.target()])),
            ("forward_to", receivers(&[NODE])),
            ("scrape_interval", Value::string("1s")),
            ("scrape_timeout", Value::string("500ms")),
        ]);
        let scrape = node(&scrape::COMPONENT, "prometheus.scrape.s", arguments);
        apply(
            &shard,
            &[scrape, remote_write(&[endpoint(&plain), with_rules])],
        )
        .await;
        runtime::sleep(SECOND * 12).await;
        for number in 0..150u64 {
            let series = format!("n{{instance=\"i\",job=\"j\",number=\"{number}\"}} ");
            let values = values_of(&plain, &series);
            assert!(values.len() >= 10, "{series}: {values:?}");
            // One more each second, from whichever the first scrape met.
            let expected = |second: u64| match number {
                77 if second % 4 == 3 => STALE_NAN,
                _ if number.is_multiple_of(3) => 0.0,
                _ => (second * 1000 + number) as f64,
            };
            let good = |first: u64| {
                let pairs = values.iter().zip(first..);
                pairs
                    .into_iter()
                    .all(|(value, second)| value.to_bits() == expected(second).to_bits())
            };
            assert!((0..3).any(good), "{series}: {values:?}");
            let renamed =
                format!("n{{instance=\"i\",job=\"j\",number=\"{number}\",nummer=\"{number}\"}} ");
            let dropped = (10..20).contains(&number);
            let arrived = values_of(&ruled, &renamed).len();
            assert_eq!(arrived, if dropped { 0 } else { values.len() }, "{renamed}");
        }
        shard.verify_ledgers().await;
    });
}

/// The values of a series in the order of their arrival.
fn values_of(receiver: &Receiver, series: &str) -> Vec<f64> {
    let lines = receiver.got.lines.borrow();
    let values = lines.iter().filter_map(|line| line.strip_prefix(series));
    let value = |text: &str| {
        let text = text.split('@').next().unwrap_or_default();
        match text {
            "STALE" => STALE_NAN,
            number => number.parse().expect("a number"),
        }
    };
    values.map(value).collect()
}
