//! Listeners and streams.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use runtime::net::{ListenOptions, TcpListener, TcpStream};
use runtime::{sleep, spawn, timeout, yield_now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::check;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_secs(20);

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(LOOPBACK, &ListenOptions::exclusive()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen();
    let client = TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 % 251) as u8).collect()
}

#[test]
fn owned_buffers_go_through_and_come_back() {
    check(|| async {
        let (mut client, mut server) = pair().await;
        let (written, bytes) = client.write_all(Bytes::from_static(b"ping")).await;
        written.unwrap();
        assert_eq!(&bytes[..], b"ping");
        let mut received = Vec::new();
        let mut buffer = Vec::with_capacity(64);
        buffer.extend_from_slice(b"old content");
        while received.len() < 4 {
            let (read, filled) = server.read(buffer).await;
            assert_eq!(read.unwrap(), filled.len());
            received.extend_from_slice(&filled);
            buffer = filled;
        }
        assert_eq!(received, b"ping");
        assert_eq!(buffer.capacity(), 64, "it is the same buffer");
    });
}

#[test]
fn addresses_of_both_ends_match() {
    check(|| async {
        let (listener, address) = listen();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(server.peer_addr().unwrap(), peer);
        assert_eq!(client.peer_addr().unwrap(), address);
        assert_eq!(server.local_addr().unwrap(), address);
        client.set_nodelay(true).unwrap();
    });
}

#[test]
fn large_transfers_both_ways_at_once_arrive_whole() {
    check(|| async {
        const LEN: usize = 3 << 20;
        let (client, server) = pair().await;
        let mut tasks = Vec::new();
        for stream in [client, server] {
            let (mut reading, mut writing) = tokio::io::split(stream);
            tasks.push(spawn(async move {
                writing.write_all(&pattern(LEN)).await.unwrap();
                writing.shutdown().await.unwrap();
            }));
            tasks.push(spawn(async move {
                let mut received = Vec::new();
                reading.read_to_end(&mut received).await.unwrap();
                assert!(received == pattern(LEN), "{} bytes", received.len());
            }));
        }
        for task in tasks {
            task.join().await;
        }
    });
}

#[test]
fn small_reads_see_every_byte_of_a_large_write() {
    check(|| async {
        const LEN: usize = 100_000;
        let (mut client, mut server) = pair().await;
        let task =
            spawn(async move { client.write_all(Bytes::from(pattern(LEN))).await.0.unwrap() });
        let mut received = Vec::new();
        // Sizes on both sides of what an idle connection holds for arriving bytes.
        for size in [1, 100, 8191, 8192, 8193, 20_000].into_iter().cycle() {
            let mut buffer = vec![0; size];
            match AsyncReadExt::read(&mut server, &mut buffer).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
        assert!(received == pattern(LEN), "{} bytes", received.len());
        task.join().await;
    });
}

#[test]
fn vectored_writes_keep_the_order_of_their_parts() {
    check(|| async {
        let (mut client, mut server) = pair().await;
        let (head, body) = (pattern(300), pattern(200_000));
        let expected = [head.clone(), body.clone()].concat();
        let task = spawn(async move {
            let mut sent = 0;
            while sent < head.len() + body.len() {
                let from_head = sent.min(head.len());
                let parts = [
                    IoSlice::new(&head[from_head..]),
                    IoSlice::new(&body[sent - from_head..]),
                ];
                sent += client.write_vectored(&parts).await.unwrap();
            }
            client.flush().await.unwrap();
        });
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert!(received == expected);
        task.join().await;
    });
}

#[test]
fn shutdown_is_the_end_for_the_reader_and_not_for_the_other_direction() {
    check(|| async {
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        let (read, _) = server.read(Vec::with_capacity(16)).await;
        assert_eq!(read.unwrap(), 0);
        server
            .write_all(Bytes::from_static(b"still here"))
            .await
            .0
            .unwrap();
        drop(server);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"still here");
    });
}

#[test]
fn connecting_to_nobody_is_refused() {
    check(|| async {
        let (listener, address) = listen();
        drop(listener);
        // The listener's descriptor is closed by the kernel a moment later on some backends.
        sleep(SOON).await;
        let error = TcpStream::connect(address).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_abandoned_accept_loses_no_connection() {
    check(|| async {
        let (listener, address) = listen();
        for _ in 0..3 {
            assert!(timeout(SOON, listener.accept()).await.is_err());
            let mut client = TcpStream::connect(address).await.unwrap();
            let (mut server, _) = timeout(LATE, listener.accept()).await.unwrap().unwrap();
            client.write_all(Bytes::from_static(b"x")).await.0.unwrap();
            assert_eq!(server.read(Vec::with_capacity(1)).await.1, b"x");
        }
    });
}

#[test]
fn an_abandoned_read_loses_no_bytes() {
    check(|| async {
        let (mut client, mut server) = pair().await;
        for round in 0..10u8 {
            let mut polled = [0; 16];
            assert!(
                timeout(SOON, AsyncReadExt::read(&mut server, &mut polled))
                    .await
                    .is_err()
            );
            assert!(
                timeout(SOON, server.read(Vec::with_capacity(16)))
                    .await
                    .is_err()
            );
            client
                .write_all(Bytes::from(vec![round; 3]))
                .await
                .0
                .unwrap();
            let mut received = Vec::new();
            while received.len() < 3 {
                let (read, bytes) = server.read(Vec::with_capacity(2)).await;
                read.unwrap();
                received.extend(bytes);
            }
            assert_eq!(received, [round; 3]);
        }
    });
}

#[test]
fn a_writer_waits_for_a_reader_that_does_not_read() {
    check(|| async {
        // More than the buffers of both ends take.
        const LEN: usize = 32 << 20;
        let (mut client, mut server) = pair().await;
        let task =
            spawn(async move { client.write_all(Bytes::from(vec![1; LEN])).await.0.unwrap() });
        sleep(50 * Duration::from_millis(1)).await;
        assert!(!task.is_finished());
        let mut received = 0;
        let mut buffer = Vec::with_capacity(1 << 20);
        while received < LEN {
            let (read, filled) = server.read(buffer).await;
            let count = read.unwrap();
            assert!(count > 0);
            received += count;
            buffer = filled;
        }
        task.join().await;
    });
}

#[test]
fn dropping_a_stream_ends_it_for_the_peer_even_under_a_running_read() {
    check(|| async {
        let (client, mut server) = pair().await;
        let mut client = Some(client);
        let mut polled = [0; 16];
        {
            let reading = client.as_mut().unwrap();
            assert!(
                timeout(SOON, AsyncReadExt::read(reading, &mut polled))
                    .await
                    .is_err()
            );
        }
        drop(client.take());
        let read = timeout(LATE, server.read(Vec::with_capacity(16)))
            .await
            .unwrap()
            .0;
        assert_eq!(read.unwrap(), 0);
    });
}

#[test]
fn a_port_in_use_is_refused_unless_all_share_it() {
    check(|| async {
        let (listener, address) = listen();
        let second = TcpListener::bind(address, &ListenOptions::exclusive());
        assert_eq!(
            second.map(drop).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(listener);

        if cfg!(unix) {
            let first = TcpListener::bind(LOOPBACK, &ListenOptions::shared()).unwrap();
            let address = first.local_addr().unwrap();
            let second = TcpListener::bind(address, &ListenOptions::shared()).unwrap();
            assert_eq!(second.local_addr().unwrap(), address);
        }
    });
}

#[test]
fn many_connections_are_served_at_once() {
    check(|| async {
        const CONNECTIONS: usize = 64;
        let (listener, address) = listen();
        let server = spawn(async move {
            for _ in 0..CONNECTIONS {
                let (mut stream, _) = listener.accept().await.unwrap();
                spawn(async move {
                    loop {
                        let (read, bytes) = stream.read(Vec::with_capacity(256)).await;
                        if read.unwrap() == 0 {
                            break;
                        }
                        stream.write_all(Bytes::from(bytes)).await.0.unwrap();
                    }
                });
            }
        });
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|index| {
                spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    for round in 0..5u8 {
                        let sent = vec![index as u8 ^ round; 200];
                        AsyncWriteExt::write_all(&mut stream, &sent).await.unwrap();
                        let mut received = vec![0; 200];
                        stream.read_exact(&mut received).await.unwrap();
                        assert_eq!(received, sent);
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().await;
        }
        server.join().await;
    });
}

#[test]
fn an_idle_connection_burns_no_turns() {
    check(|| async {
        let (client, mut server) = pair().await;
        let polls = Rc::new(std::cell::Cell::new(0u32));
        let counted = polls.clone();
        let task = spawn(async move {
            let mut buffer = [0; 16];
            let mut read = std::pin::pin!(AsyncReadExt::read(&mut server, &mut buffer));
            let count = std::future::poll_fn(|cx| {
                counted.set(counted.get() + 1);
                read.as_mut().poll(cx)
            })
            .await;
            assert_eq!(count.unwrap(), 0);
        });
        sleep(50 * Duration::from_millis(1)).await;
        yield_now().await;
        let idle = polls.get();
        assert!(idle <= 3, "polled {idle} times while nothing came");
        drop(client);
        task.join().await;
    });
}
