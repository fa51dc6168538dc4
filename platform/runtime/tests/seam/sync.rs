//! What tasks of one thread wait for each other with.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use runtime::sync::queue::TrySendError;
use runtime::sync::{Notify, Semaphore, oneshot, queue};
use runtime::{sleep, spawn, timeout, yield_now};

use crate::check;

const SOON: Duration = Duration::from_millis(5);

#[test]
fn notify_one_before_the_wait_is_kept_once() {
    check(|| async {
        let notify = Notify::new();
        notify.notify_one();
        notify.notify_one();
        notify.notified().await;
        assert!(
            timeout(SOON, notify.notified()).await.is_err(),
            "two were kept"
        );
    });
}

#[test]
fn notify_one_wakes_a_single_waiter_and_all_wakes_the_rest() {
    check(|| async {
        let notify = Rc::new(Notify::new());
        let woken = Rc::new(RefCell::new(0));
        for _ in 0..3 {
            let (notify, woken) = (notify.clone(), woken.clone());
            spawn(async move {
                notify.notified().await;
                *woken.borrow_mut() += 1;
            });
        }
        sleep(SOON).await;
        notify.notify_one();
        sleep(SOON).await;
        assert_eq!(*woken.borrow(), 1);
        notify.notify_all();
        sleep(SOON).await;
        assert_eq!(*woken.borrow(), 3);
    });
}

#[test]
fn notify_all_counts_for_waits_made_before_it() {
    check(|| async {
        let notify = Notify::new();
        let wait = notify.notified();
        notify.notify_all();
        wait.await;
        assert!(
            timeout(SOON, notify.notified()).await.is_err(),
            "it counts for later waits"
        );
    });
}

#[test]
fn a_wake_up_that_met_a_dropped_wait_goes_to_the_next() {
    check(|| async {
        let notify = Rc::new(Notify::new());
        let mut first = Box::pin(notify.notified());
        assert!(timeout(SOON, &mut first).await.is_err());
        let second = notify.clone();
        let task = spawn(async move { second.notified().await });
        sleep(SOON).await;
        notify.notify_one();
        drop(first);
        task.join().await;
    });
}

#[test]
fn oneshot_delivers_or_says_that_it_never_will() {
    check(|| async {
        let (sender, receiver) = oneshot::channel();
        spawn(async move { sender.send(7).unwrap() });
        assert_eq!(receiver.await, Ok(7));

        let (sender, receiver) = oneshot::channel::<u32>();
        spawn(async move { drop(sender) });
        assert_eq!(receiver.await, Err(oneshot::Closed));

        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send(7), Err(7));
    });
}

#[test]
fn permits_go_round_in_order_of_asking() {
    check(|| async {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire(2).await;
        let order = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for wanted in [2, 1] {
            let (semaphore, order) = (semaphore.clone(), order.clone());
            tasks.push(spawn(async move {
                let _permit = semaphore.acquire(wanted).await;
                order.borrow_mut().push(wanted);
            }));
            // The large request asks first.
            sleep(SOON).await;
        }
        assert!(semaphore.try_acquire(1).is_none());
        drop(held);
        for task in tasks {
            task.join().await;
        }
        assert_eq!(*order.borrow(), [2, 1]);
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn a_dropped_request_holds_nobody_back() {
    check(|| async {
        let semaphore = Semaphore::new(1);
        let large = timeout(SOON, semaphore.acquire(5));
        let small = async {
            yield_now().await;
            semaphore.acquire(1).await
        };
        let large_task = async { assert!(large.await.is_err()) };
        let mut large_task = std::pin::pin!(large_task);
        // Both run at once; the small one is behind the large one until that gives up.
        let mut small = std::pin::pin!(small);
        std::future::poll_fn(|cx| {
            let first = large_task.as_mut().poll(cx).is_ready();
            if first {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        let permit = timeout(SOON, &mut small).await.unwrap();
        drop(permit);
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_forgotten_permit_is_gone_and_an_added_one_is_not() {
    check(|| async {
        let semaphore = Semaphore::new(1);
        semaphore.acquire(1).await.forget();
        assert!(semaphore.try_acquire(1).is_none());
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire(1).is_some());
    });
}

#[test]
fn a_full_queue_makes_senders_wait() {
    check(|| async {
        let (sender, mut receiver) = queue::bounded(2);
        let task = spawn(async move {
            for number in 0..10 {
                sender.send(number).await.unwrap();
            }
        });
        sleep(SOON).await;
        assert!(!task.is_finished());
        for number in 0..10 {
            assert_eq!(receiver.recv().await, Some(number));
        }
        assert_eq!(receiver.recv().await, None, "every sender is gone");
        task.join().await;
    });
}

#[test]
fn try_send_tells_full_from_closed() {
    check(|| async {
        let (sender, receiver) = queue::bounded(1);
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(sender.len(), 1);
        drop(receiver);
        assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
        assert_eq!(sender.send(4).await, Err(4));
    });
}

#[test]
fn senders_that_wait_see_the_receiver_go() {
    check(|| async {
        let (sender, receiver) = queue::bounded(1);
        sender.try_send(0).unwrap();
        let mut tasks = Vec::new();
        for number in 1..4 {
            let sender = sender.clone();
            tasks.push(spawn(async move {
                assert_eq!(sender.send(number).await, Err(number))
            }));
        }
        sleep(SOON).await;
        drop(receiver);
        for task in tasks {
            task.join().await;
        }
    });
}
