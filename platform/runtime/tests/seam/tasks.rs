//! Tasks, timers, panics.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use runtime::{
    Elapsed, Instant, block_on, now, sleep, sleep_until, spawn, timeout, wall_ms, yield_now,
};

use crate::{check, check_real, real_backends};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn sleep_takes_at_least_its_time() {
    check(|| async {
        let started = now();
        sleep(20 * MILLISECOND).await;
        assert!(20 * MILLISECOND <= started.elapsed());
        sleep_until(started).await;
        let later = now() + 5 * MILLISECOND;
        sleep_until(later).await;
        assert!(later <= now());
    });
}

#[test]
fn sleeps_end_in_order_of_their_deadlines() {
    check(|| async {
        let ended = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = [30u32, 10, 20]
            .into_iter()
            .map(|delay| {
                let ended = ended.clone();
                spawn(async move {
                    sleep(delay * MILLISECOND).await;
                    ended.borrow_mut().push(delay);
                })
            })
            .collect();
        for task in tasks {
            task.join().await;
        }
        assert_eq!(*ended.borrow(), [10, 20, 30]);
    });
}

#[test]
fn timeout_drops_what_takes_too_long() {
    check(|| async {
        let held = Rc::new(());
        let guard = held.clone();
        let slow = async move {
            sleep(Duration::from_secs(3600)).await;
            drop(guard);
        };
        assert_eq!(timeout(5 * MILLISECOND, slow).await, Err(Elapsed));
        assert_eq!(Rc::strong_count(&held), 1);
        assert_eq!(timeout(Duration::from_secs(60), async { 7 }).await, Ok(7));
    });
}

#[test]
fn the_wall_clock_moves_with_the_monotonic_one() {
    check(|| async {
        let (wall, started) = (wall_ms(), now());
        sleep(20 * MILLISECOND).await;
        let (moved, slept) = (wall_ms() - wall, started.elapsed().as_millis() as i64);
        assert!(
            (moved - slept).abs() <= 10,
            "{moved} ms on the wall, {slept} ms slept"
        );
        assert!(wall > 1_600_000_000_000);
    });
}

#[test]
fn instants_saturate_at_both_ends() {
    let late = Instant::from_nanos(u64::MAX);
    assert_eq!(late + Duration::from_secs(1), late);
    assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
    assert_eq!(Instant::ZERO - late, Duration::ZERO);
}

#[test]
fn an_aborted_task_drops_its_future() {
    check(|| async {
        let held = Rc::new(());
        let guard = held.clone();
        let task = spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        assert!(!task.is_finished());
        task.abort();
        task.join().await;
        assert_eq!(Rc::strong_count(&held), 1);
    });
}

#[test]
fn a_task_aborted_before_its_first_turn_never_runs() {
    check(|| async {
        let ran = Rc::new(Cell::new(false));
        let flag = ran.clone();
        let task = spawn(async move { flag.set(true) });
        task.abort();
        task.join().await;
        assert!(!ran.get());
    });
}

#[test]
fn yielding_lets_every_other_ready_task_run() {
    check(|| async {
        let turns = Rc::new(RefCell::new([0u32; 2]));
        let other = turns.clone();
        let task = spawn(async move {
            for _ in 0..100 {
                other.borrow_mut()[1] += 1;
                yield_now().await;
            }
        });
        for _ in 0..1000 {
            turns.borrow_mut()[0] += 1;
            yield_now().await;
            if task.is_finished() {
                break;
            }
        }
        let [own, other] = *turns.borrow();
        assert_eq!(other, 100, "starved after {own} turns");
    });
}

#[test]
fn tasks_left_over_are_dropped_with_the_thread() {
    let held = Rc::new(());
    for backend in real_backends() {
        let guard = held.clone();
        block_on(backend, || {
            Box::pin(async move {
                spawn(async move {
                    sleep(Duration::from_secs(3600)).await;
                    drop(guard);
                });
                yield_now().await;
            })
        })
        .unwrap();
        assert_eq!(Rc::strong_count(&held), 1, "{backend}");
    }
}

#[test]
fn a_panic_in_a_task_ends_the_thread_with_it() {
    for backend in real_backends() {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            block_on(backend, || {
                Box::pin(async {
                    spawn(async { panic!("boom") });
                    sleep(Duration::from_secs(3600)).await;
                })
            })
        }));
        let payload = ended.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"boom"), "{backend}");
    }
}

#[test]
fn another_thread_wakes_a_task_through_a_channel() {
    check_real(|| async {
        let (to_thread, from_task) = flume::bounded::<u32>(1);
        let (to_task, from_thread) = flume::bounded::<u32>(1);
        let thread = std::thread::spawn(move || {
            while let Ok(number) = from_task.recv() {
                // Long enough for the task's thread to be asleep.
                std::thread::sleep(3 * MILLISECOND);
                to_task.send(number + 1).unwrap();
            }
        });
        for number in 0..20 {
            to_thread.send_async(number).await.unwrap();
            let answer = timeout(Duration::from_secs(10), from_thread.recv_async()).await;
            assert_eq!(answer, Ok(Ok(number + 1)));
        }
        drop(to_thread);
        thread.join().unwrap();
    });
}
