//! The component with real clients.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::rc::Rc;

use super::*;
use crate::tests::{on_real_control, refusals, scrape, start, update};

/// A port that is free for UDP and TCP.
fn port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

/// Scrapes until a line is there.
async fn until(instance: &eval::Instance, line: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = scrape(instance, &[]).await;
        if page.contains(line) {
            return page;
        }
        assert!(Instant::now() < deadline, "{line} never was in {page}");
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_clients_send_is_on_the_page_also_after_a_change() {
    on_real_control(async || {
        let address = format!("127.0.0.1:{}", port());
        let arguments = |cache: i64| {
            let listen = || address.as_str().into();
            [
                ("listen_udp", listen()),
                ("listen_tcp", listen()),
                ("cache_size", cache.into()),
            ]
        };
        let started = start(&COMPONENT, arguments(10), Rc::default()).await;
        let mut instance = started.expect("it starts");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        client.send_to(b"a:3|c\nbad", &address).expect("sent");
        let page = until(&instance, "\na 3\n").await;
        let error = "statsd_exporter_sample_errors_total{reason=\"malformed_line\"} 1\n";
        assert!(page.contains(error), "{page}");
        let mut client = TcpStream::connect(&address).expect("it listens");
        client.write_all(b"b:1|g\r\nb:+2|g").expect("sent");
        drop(client);
        until(&instance, "\nb 3\n").await;
        update(&mut instance, &COMPONENT, arguments(0))
            .await
            .expect("it listens again");
        let mut client = TcpStream::connect(&address).expect("it listens");
        client.write_all(b"c:1|c\n").expect("sent");
        until(&instance, "\nc 1\n").await;
    });
}

#[test]
fn one_listener_at_least_is_wanted() {
    let none = [("listen_udp", "".into()), ("listen_tcp", "".into())];
    let refused = refusals(&COMPONENT, none);
    assert!(refused[0].contains("at least one of"), "{refused:?}");
}
