//! One HTTP/1.1 server on each runtime, to compare what a request costs: `runtimes
//! monoio|tokio|glommio PORT CORE`.
//!
//! All share one request skipper (read the body, answer 204), so that rows differ by runtime only.
//! `run.py` drives them with wrk and reads the CPU time from `/proc`.

mod skipper;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use skipper::{ANSWER, Skipper};

/// Bytes per read: one 64 KiB body and its head arrive in two reads at most.
const READ_BYTES: usize = 64 * 1024;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, runtime, port, core] = args.as_slice() else {
        panic!("usage: runtimes monoio|tokio|glommio PORT CORE");
    };
    let port = port.parse().expect("a port");
    let core: usize = core.parse().expect("a core");
    assert!(core_affinity::set_for_current(core_affinity::CoreId { id: core }));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match runtime.as_str() {
        "monoio" => monoio_server(address),
        "tokio" => tokio_server(address),
        "glommio" => glommio_server(address, core),
        other => panic!("no such runtime: {other}"),
    }
}

fn monoio_server(address: SocketAddr) {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    let mut runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
        .with_entries(4096)
        .build()
        .expect("io_uring");
    runtime.block_on(async {
        let listener = monoio::net::TcpListener::bind(address).expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().await.expect("accept");
            monoio::spawn(async move {
                let mut skipper = Skipper::default();
                let mut buffer = Vec::with_capacity(READ_BYTES);
                loop {
                    let (result, read) = stream.read(buffer).await;
                    buffer = read;
                    let Ok(1..) = result else { return };
                    for _ in 0..skipper.feed(&buffer) {
                        let (written, _) = stream.write_all(ANSWER).await;
                        if written.is_err() {
                            return;
                        }
                    }
                    buffer.clear();
                }
            });
        }
    });
}

fn tokio_server(address: SocketAddr) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("epoll");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).expect("the port is free");
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a reactor");
        loop {
            let (mut stream, _) = listener.accept().await.expect("accept");
            tokio::task::spawn_local(async move {
                let mut skipper = Skipper::default();
                let mut buffer = Vec::with_capacity(READ_BYTES);
                loop {
                    let Ok(1..) = stream.read_buf(&mut buffer).await else { return };
                    for _ in 0..skipper.feed(&buffer) {
                        if stream.write_all(ANSWER).await.is_err() {
                            return;
                        }
                    }
                    buffer.clear();
                }
            });
        }
    });
}

fn glommio_server(address: SocketAddr, core: usize) {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    let builder = glommio::LocalExecutorBuilder::new(glommio::Placement::Fixed(core));
    let handle = builder.spawn(move || async move {
        let listener = glommio::net::TcpListener::bind(address).expect("the port is free");
        loop {
            let mut stream = listener.accept().await.expect("accept");
            glommio::spawn_local(async move {
                let mut skipper = Skipper::default();
                let mut buffer = vec![0; READ_BYTES];
                loop {
                    let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
                    for _ in 0..skipper.feed(&buffer[..count]) {
                        if stream.write_all(ANSWER).await.is_err() {
                            return;
                        }
                    }
                }
            })
            .detach();
        }
    });
    handle.expect("io_uring").join().expect("the server runs for ever");
}
