//! Connections that break.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use runtime::net::{ListenOptions, TcpListener, TcpStream};
use runtime::sim::{Disk, Options, Simulation, network};
use runtime::{now, sim, spawn, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn listen() -> (TcpListener, SocketAddr) {
    let address = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 80));
    let listener = TcpListener::bind(address, &ListenOptions::exclusive()).unwrap();
    (listener, address)
}

#[test]
fn a_partition_holds_bytes_and_connects_until_it_heals() {
    sim::check(1, || async {
        let (listener, address) = listen();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        network().partition(address);
        client
            .write_all(Bytes::from_static(b"held"))
            .await
            .0
            .unwrap();
        assert!(
            timeout(SECOND, server.read(Vec::with_capacity(4)))
                .await
                .is_err()
        );
        assert!(timeout(SECOND, TcpStream::connect(address)).await.is_err());
        let late = spawn(async move { TcpStream::connect(address).await.map(drop).unwrap() });
        network().heal(address);
        let (read, _) = timeout(SECOND, server.read(Vec::with_capacity(4)))
            .await
            .unwrap();
        assert!(read.unwrap() > 0);
        late.join().await;
    });
}

#[test]
fn a_reset_is_seen_by_both_ends() {
    sim::check(2, || async {
        let (listener, address) = listen();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let waiting = spawn(async move {
            let error = server.read(Vec::with_capacity(4)).await.0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
        client
            .write_all(Bytes::from_static(b"lost"))
            .await
            .0
            .unwrap();
        network().reset(address);
        waiting.join().await;
        let error = client
            .write_all(Bytes::from_static(b"x"))
            .await
            .0
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn bytes_take_their_latency() {
    let latency = Duration::from_millis(40);
    let options = Options {
        network_latency: latency..latency + Duration::from_millis(20),
        ..Options::new(Disk::new())
    };
    let ended = Simulation::new(3, options).run(|| {
        Box::pin(async move {
            let (listener, address) = listen();
            let mut client = TcpStream::connect(address).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            let sent = now();
            client.write_all(Bytes::from_static(b"x")).await.0.unwrap();
            server.read(Vec::with_capacity(1)).await.0.unwrap();
            sent.elapsed()
        })
    });
    let taken = ended.unwrap();
    assert!(latency <= taken && taken <= 2 * latency, "{taken:?}");
}
