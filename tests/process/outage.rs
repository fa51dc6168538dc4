//! A destination that is away: nothing taken in is lost, and memory stays flat.

use std::time::Duration;

use tests::eventually;
use tests::invar::Invar;
use tests::sink::Sink;
use tests::target::Target;

use crate::kill::{REFUSED, missing_numbers, scrape_config};

#[test]
fn a_sink_that_refuses_for_a_while_gets_everything_in_order() {
    let (target, sink) = (Target::start(200), Sink::start());
    let mut invar = Invar::start(&scrape_config(target.port, &sink)).announce(REFUSED);
    eventually("the first samples arrive", Duration::from_secs(20), || {
        (sink.count() > 0).then_some(())
    });
    sink.refuse(503);
    let from = target.scrapes();
    eventually("scrapes go on", Duration::from_secs(20), || {
        (target.scrapes() > from + 20).then_some(())
    });
    sink.refuse(0);
    let last = target.scrapes();
    let series = "m{i=\"0\",instance=\"t\",job=\"t\"}";
    eventually("the backlog arrives", Duration::from_secs(30), || {
        let points = sink.points(series);
        points
            .last()
            .filter(|point| point.1 >= last as f64)
            .map(|_| ())
    });
    let points = sink.points(series);
    assert!(
        points.is_sorted_by(|a, b| a.0 < b.0),
        "order per series is not kept, or points came twice"
    );
    assert_eq!(missing_numbers(&points), Vec::<u64>::new());
    assert!(invar.stop().success());
}
