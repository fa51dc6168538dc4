//! Threads: shards, the service thread, probing.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use runtime::{
    Backend, IoChoice, ShardConfig, probe, service, shard, sleep, spawn, start_shard, timeout,
};

use crate::{check, check_real, real_backends};

fn config(backend: Backend) -> ShardConfig {
    ShardConfig {
        index: 3,
        core: None,
        backend,
    }
}

#[test]
fn a_shard_is_named_pinned_and_knows_itself() {
    let core = os::topology().cores[0];
    for backend in real_backends() {
        let (sender, receiver) = flume::bounded(1);
        let config = ShardConfig {
            core: Some(core),
            ..config(backend)
        };
        let handle = start_shard(config, move || {
            Box::pin(async move {
                let name = std::thread::current().name().map(str::to_owned);
                sender.send((name, shard(), os::topology().cores)).unwrap();
            })
        })
        .unwrap();
        handle.join().unwrap();
        let (name, shard, cores) = receiver.recv().unwrap();
        let shard = shard.unwrap();
        assert_eq!(name.as_deref(), Some("shard-3"));
        assert_eq!(
            (shard.index, shard.core, shard.backend),
            (3, Some(core), backend)
        );
        if cfg!(target_os = "linux") {
            assert_eq!(cores, [core]);
        }
    }
    assert_eq!(shard(), None, "the test's thread is no shard");
}

#[test]
fn panics_of_main_and_of_tasks_are_reported_by_join() {
    for backend in real_backends() {
        let in_main = start_shard(config(backend), || {
            Box::pin(async {
                sleep(Duration::from_millis(1)).await;
                panic!("in main {}", 1);
            })
        });
        let panic = in_main.unwrap().join().unwrap_err();
        assert_eq!((panic.index, panic.text.as_str()), (3, "in main 1"));
        assert_eq!(panic.to_string(), "shard 3 panicked: in main 1");

        let in_task = start_shard(config(backend), || {
            Box::pin(async {
                spawn(async { panic!("in a task") });
                sleep(Duration::from_secs(3600)).await;
            })
        });
        assert_eq!(in_task.unwrap().join().unwrap_err().text, "in a task");

        let in_start = start_shard(config(backend), || panic!("before main"));
        assert_eq!(in_start.unwrap().join().unwrap_err().text, "before main");
    }
}

#[test]
fn a_core_that_cannot_be_had_is_an_error_at_start() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let config = ShardConfig {
        core: Some(100_000),
        ..config(Backend::Tokio)
    };
    let error = start_shard(config, || Box::pin(async {})).unwrap_err();
    assert!(error.to_string().contains("--dataplane.cores"), "{error}");
}

#[test]
fn the_service_lends_its_runtime_and_its_blocking_threads() {
    check(|| async {
        assert_eq!(service::blocking(|| 1 + 1).await, 2);
        assert_eq!(service::run(async { 2 + 2 }).await, 4);
    });
    check_real(|| async {
        let name = service::blocking(|| std::thread::current().name().map(str::to_owned)).await;
        assert_eq!(name.as_deref(), Some("blocking"));
        let name = service::run(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            std::thread::current().name().map(str::to_owned)
        });
        assert_eq!(name.await.as_deref(), Some("service"));
    });
}

#[test]
fn blocking_calls_do_not_hold_up_the_thread() {
    check_real(|| async {
        let slow = service::blocking(|| std::thread::sleep(Duration::from_millis(200)));
        let mut slow = std::pin::pin!(slow);
        assert!(timeout(Duration::from_millis(20), &mut slow).await.is_err());
        slow.await;
    });
}

#[test]
fn a_panic_on_the_service_continues_in_the_caller() {
    for backend in real_backends() {
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime::block_on(backend, || {
                Box::pin(async { service::blocking(|| panic!("blocked badly")).await })
            })
        }));
        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"blocked badly"));
    }
}

#[test]
fn an_explicit_tokio_needs_no_probe() {
    let probe = probe(IoChoice::Tokio).unwrap();
    assert_eq!((probe.backend, probe.warning), (Backend::Tokio, None));
    assert_eq!("tokio".parse(), Ok(IoChoice::Tokio));
    let error = "epoll".parse::<IoChoice>().unwrap_err();
    assert!(error.contains("auto, monoio or tokio"), "{error}");
}

/// Refuses io_uring_setup on this thread from now on, as container runtimes do.
#[cfg(target_os = "linux")]
fn forbid_io_uring() {
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let load_call = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let if_equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut filter = [
        libc::sock_filter {
            code: load_call,
            jt: 0,
            jf: 0,
            k: 0,
        },
        libc::sock_filter {
            code: if_equal,
            jt: 0,
            jf: 1,
            k: libc::SYS_io_uring_setup as u32,
        },
        libc::sock_filter {
            code: answer,
            jt: 0,
            jf: 0,
            k: REFUSE,
        },
        libc::sock_filter {
            code: answer,
            jt: 0,
            jf: 0,
            k: ALLOW,
        },
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program is valid and outlives the calls, which change only this thread.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program),
            0
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_forbidden_io_uring_is_named_and_files_still_work() {
    let refused = std::thread::spawn(|| {
        forbid_io_uring();
        let auto = probe(IoChoice::Auto).unwrap();
        assert_eq!(auto.backend, Backend::Tokio);
        let warning = auto.warning.unwrap();
        assert!(
            warning.contains("tokio") && warning.contains("seccomp"),
            "{warning}"
        );
        let error = probe(IoChoice::Monoio).unwrap_err();
        assert!(error.contains("io_uring_setup"), "{error}");

        let error = start_shard(config(Backend::Monoio), || Box::pin(async {})).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        runtime::block_on(Backend::Tokio, || {
            Box::pin(async {
                let scratch = crate::Scratch::new().await;
                let path = scratch.join("a");
                let options = runtime::fs::OpenOptions::create_new();
                let file = runtime::fs::open(&path, &options).await.unwrap();
                file.commit(b"without a ring".to_vec(), 0).await.0.unwrap();
                let (read, bytes) = file.read_at(vec![0; 14], 0).await;
                assert_eq!((read.unwrap(), bytes), (14, b"without a ring".to_vec()));
            })
        })
        .unwrap();
    });
    refused.join().unwrap();
}
