//! A thread that ends leaves nothing behind, although tasks, reads, accepts and commits were under
//! way. One test in a binary of its own: it counts the descriptors of the process.

#![cfg(target_os = "linux")]
// Tests hold the seam against what it replaces: real threads, the real clock.
#![allow(clippy::disallowed_methods)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use runtime::fs::{self, OpenOptions};
use runtime::net::{ListenOptions, TcpListener, TcpStream};
use runtime::{Backend, IoChoice, block_on, probe, sleep, spawn, yield_now};

/// More ends than a slow leak could hide in, few enough for a busy machine.
const ENDS: usize = 30;

#[test]
fn threads_end_with_everything_under_way_and_leak_no_descriptor() {
    let best = probe(IoChoice::Auto).unwrap().backend;
    for backend in [Backend::Tokio, best] {
        // The first end starts the service thread, which stays.
        end_in_the_middle(backend);
        let before = descriptors();
        let started = Instant::now();
        for _ in 0..ENDS {
            end_in_the_middle(backend);
        }
        assert_eq!(descriptors(), before, "{backend}");
        let each = started.elapsed() / ENDS as u32;
        assert!(
            each < Duration::from_secs(1),
            "{backend} takes {each:?} to end"
        );
    }
}

fn end_in_the_middle(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    block_on(backend, move || {
        Box::pin(async move {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let listener = TcpListener::bind(address, &ListenOptions::exclusive()).unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = TcpStream::connect(address).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            spawn(async move { drop(listener.accept().await) });
            spawn(async move { drop(client.read(Vec::with_capacity(16)).await) });
            spawn(async move { drop(server.read(Vec::with_capacity(16)).await) });
            spawn(async { sleep(Duration::from_secs(3600)).await });
            let file = fs::open(&path, &OpenOptions::create_new()).await.unwrap();
            spawn(async move { drop(file.commit(vec![1; 1 << 20], 0).await) });
            yield_now().await;
        })
    })
    .unwrap();
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
