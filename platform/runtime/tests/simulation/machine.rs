//! Order, clock, ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use runtime::sim::{Disk, Options, Simulation, Stopped};
use runtime::{now, random_u64, sleep, spawn, yield_now};

use crate::run_on;

/// The order in which twenty tasks with random waits end.
fn trace(seed: u64) -> Vec<(u32, u64, u64)> {
    run_on(&Disk::new(), seed, || async {
        let trace = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..20)
            .map(|task| {
                let trace = trace.clone();
                spawn(async move {
                    for _ in 0..5 {
                        yield_now().await;
                        sleep(Duration::from_micros(random_u64() % 1000)).await;
                    }
                    let entry = (task, now().as_nanos(), random_u64());
                    trace.borrow_mut().push(entry);
                })
            })
            .collect();
        for task in tasks {
            task.join().await;
        }
        trace.take()
    })
    .unwrap()
}

#[test]
fn a_seed_replays_bit_for_bit() {
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed));
    }
    assert_ne!(trace(1), trace(2));
}

#[test]
fn the_order_of_ready_tasks_depends_on_the_seed() {
    let first = |seed| {
        run_on(&Disk::new(), seed, || async {
            let first = Rc::new(RefCell::new(None));
            for task in 0..4 {
                let first = first.clone();
                spawn(async move {
                    first.borrow_mut().get_or_insert(task);
                });
            }
            sleep(Duration::from_millis(1)).await;
            first.take().unwrap()
        })
        .unwrap()
    };
    let mut seen: Vec<i32> = (0..50).map(first).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[test]
fn a_day_passes_in_no_time() {
    let real = std::time::Instant::now();
    let simulated = run_on(&Disk::new(), 0, || async {
        let started = now();
        sleep(Duration::from_secs(23 * 3600)).await;
        started.elapsed()
    });
    assert_eq!(simulated, Ok(Duration::from_secs(23 * 3600)));
    assert!(real.elapsed() < Duration::from_secs(5));
}

#[test]
fn waiting_for_nothing_is_a_deadlock() {
    let ended = run_on(&Disk::new(), 0, std::future::pending::<()>);
    assert_eq!(ended, Err(Stopped::Deadlock));
}

#[test]
fn a_run_that_never_ends_meets_the_time_limit() {
    let options = Options {
        time_limit: Duration::from_secs(10),
        ..Options::new(Disk::new())
    };
    let ended = Simulation::new(0, options).run(|| {
        Box::pin(async {
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        })
    });
    assert_eq!(ended, Err::<(), _>(Stopped::TimeLimit));
}

#[test]
fn a_panic_of_a_task_reaches_the_test() {
    let ended = std::panic::catch_unwind(|| {
        run_on(&Disk::new(), 0, || async {
            spawn(async { panic!("seen") });
            sleep(Duration::from_secs(1)).await;
        })
    });
    assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"seen"));
}
