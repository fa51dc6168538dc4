//! discovery.dns against a server of the test's own, over UDP and TCP on loopback.

use std::cell::RefCell;
use std::rc::Rc;

use eval::ResolverComponent;
use schema::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::tests::{on_control, refusals, start, targets, until};

/// What a server answers to a question for a name: flags, number of records, records.
type Zone = Rc<RefCell<BTreeMap<&'static str, (u16, u16, Vec<u8>)>>>;

/// A server on loopback over UDP, and over TCP for what it cuts; gives settings that lead to it.
async fn serve(zone: Zone) -> ResolvConf {
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("loopback");
    let address = udp.local_addr().expect("it is bound");
    let tcp = tokio::net::TcpListener::bind(address)
        .await
        .expect("loopback");
    let over_udp = zone.clone();
    tokio::task::spawn_local(async move {
        let mut bytes = [0; 512];
        loop {
            let (length, from) = udp.recv_from(&mut bytes).await.expect("loopback");
            let mut reply = reply(&bytes[..length], &over_udp.borrow());
            // Somebody else's answer comes first.
            let mut foreign = reply.clone();
            foreign[0] ^= 1;
            if reply.len() > 200 {
                reply.truncate(100);
                reply[2] |= 0x02;
            }
            udp.send_to(&foreign, from).await.expect("loopback");
            udp.send_to(&reply, from).await.expect("loopback");
        }
    });
    tokio::task::spawn_local(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.expect("loopback");
            let length = stream.read_u16().await.expect("a length");
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.expect("a question");
            let reply = reply(&question, &zone.borrow());
            stream
                .write_u16(reply.len() as u16)
                .await
                .expect("a reader");
            stream.write_all(&reply).await.expect("a reader");
        }
    });
    ResolvConf {
        servers: vec!["127.0.0.1".to_owned()],
        port: address.port(),
        search: vec!["example".to_owned()],
        dots: 1,
        timeout: Duration::from_secs(10),
    }
}

fn reply(question: &[u8], zone: &BTreeMap<&'static str, (u16, u16, Vec<u8>)>) -> Vec<u8> {
    let end = 12
        + question[12..]
            .iter()
            .position(|byte| *byte == 0)
            .expect("a name");
    let name = String::from_utf8_lossy(&question[12..end]).into_owned();
    let (flags, count, records) = zone.get(&*name).cloned().unwrap_or((0x8183, 0, Vec::new()));
    let mut bytes = question[..2].to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(count.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(&question[12..end + 5]);
    bytes.extend(records);
    bytes
}

fn record(code: u8, content: &[u8]) -> Vec<u8> {
    let head = [0xc0, 12, 0, code, 0, 1, 0, 0, 0, 60, 0, content.len() as u8];
    [&head, content].concat()
}

fn zone<const N: usize>(entries: [(&'static str, u16, &[Vec<u8>]); N]) -> Zone {
    let entry = |(name, flags, records): (&'static str, u16, &[Vec<u8>])| {
        (name, (flags, records.len() as u16, records.concat()))
    };
    Rc::new(RefCell::new(entries.into_iter().map(entry).collect()))
}

/// Addresses, or the error.
async fn check(zone: &Zone, name: &str, record_type: RecordType, expect: &str) {
    let conf = serve(zone.clone()).await;
    let found = match lookup(name, record_type, &conf).await {
        Ok(records) => {
            let targets = records
                .iter()
                .filter_map(|record| target(name, record, record_type, 80));
            let address = |target: Target| target.get("__address__").unwrap_or_default().to_owned();
            targets.map(address).collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("error: {error}"),
    };
    let matches = found == expect || (expect == "error" && found.starts_with("error: "));
    assert!(matches, "{name}: got {found:?}, want {expect:?}");
}

#[test]
fn names_are_looked_up_through_the_search_list() {
    on_control(async || {
        let a = |last| record(1, &[10, 0, 0, last]);
        let many: Vec<Vec<u8>> = (0..40).map(a).collect();
        let zone = zone([
            (
                "\x01a\x07example",
                0x8180,
                &[record(5, b"\x01x\x00"), a(1), a(2)],
            ),
            ("\x01b", 0x8180, &[record(28, &[0; 16])]),
            ("\x04none\x07example", 0x8180, &[]),
            ("\x04none", 0x8180, &[a(9)]),
            ("\x04sick\x07example", 0x8182, &[]),
            ("\x05large\x07example", 0x8180, &many),
        ]);
        let large: Vec<String> = (0..40).map(|last| format!("10.0.0.{last}:80")).collect();
        check(&zone, "a", RecordType::A, "10.0.0.1:80 10.0.0.2:80").await;
        check(&zone, "b", RecordType::Aaaa, "[::]:80").await;
        // The first name that exists counts, though it has no such records.
        check(&zone, "none", RecordType::A, "").await;
        check(&zone, "missing", RecordType::A, "").await;
        check(&zone, "sick", RecordType::A, "error").await;
        check(&zone, "large", RecordType::A, &large.join(" ")).await;
    });
}

#[test]
fn records_become_targets_with_their_labels() {
    let record = Record::Srv {
        target: "h.example.".to_owned(),
        port: 8080,
    };
    let made = target("_x._tcp.example", &record, RecordType::Srv, 0).expect("an SRV record");
    let expected = Target::new([
        ("__address__", "h.example:8080"),
        ("__meta_dns_mx_record_target", ""),
        ("__meta_dns_name", "_x._tcp.example"),
        ("__meta_dns_ns_record_target", ""),
        ("__meta_dns_srv_record_port", "8080"),
        ("__meta_dns_srv_record_target", "h.example."),
    ]);
    assert_eq!(made, expected);
    let mail = target("x", &Record::Mx("m.x.".to_owned()), RecordType::Mx, 25);
    let mail = mail.expect("an MX record");
    assert_eq!(mail.get("__address__"), Some("m.x:25"));
    assert_eq!(mail.get("__meta_dns_mx_record_target"), Some("m.x."));
    let server = target("x", &Record::Ns("n.x.".to_owned()), RecordType::Ns, 53);
    let server = server.expect("an NS record");
    assert_eq!(server.get("__meta_dns_ns_record_target"), Some("n.x."));
    assert_eq!(target("x", &Record::Other(5), RecordType::A, 1), None);
}

/// The component, with servers of the test's.
struct Local;

thread_local! {
    static SERVERS: RefCell<Option<ResolvConf>> = const { RefCell::new(None) };
}

impl Discovery for Local {
    type Arguments = Arguments;
    const NAME: &'static str = "discovery.dns";
    const METRICS: &'static [MetricDecl] = Dns::METRICS;

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let servers = || SERVERS.with_borrow(|servers| servers.clone().ok_or("gone".to_owned()));
        Ok(run(arguments, cx, servers))
    }
}

static LOCAL: Component = Component::of::<Discoverer<Local>>();

#[test]
fn a_failed_lookup_keeps_targets_and_a_name_that_is_gone_loses_them() {
    on_control(async || {
        assert_eq!(
            <Discoverer<Local> as ResolverComponent>::NAME,
            "discovery.dns"
        );
        let zone = zone([("\x01a", 0x8180, &[record(1, &[10, 0, 0, 1])])]);
        let conf = serve(zone.clone()).await;
        SERVERS.set(Some(conf));
        let arguments = [
            ("names", Value::array([Value::from("a.")])),
            ("type", Value::from("a")),
            ("port", Value::from(80_i64)),
            ("refresh_interval", Value::from("20ms")),
        ];
        let started = start(&LOCAL, arguments, Rc::default()).await;
        let instance = started.expect("the arguments are valid");
        until("a target", || targets(&instance).len() == 1).await;
        // Servers that fail and none at all: twice counted, at least.
        zone.borrow_mut().insert("\x01a", (0x8182, 0, Vec::new()));
        until("failures", || 2.0 <= instance.metrics()[1].1).await;
        SERVERS.set(None);
        let failures = instance.metrics()[1].1;
        until("more failures", || {
            failures + 3.0 <= instance.metrics()[1].1
        })
        .await;
        assert_eq!(targets(&instance).len(), 1);
        zone.borrow_mut().clear();
        SERVERS.set(Some(serve(zone).await));
        until("no targets", || targets(&instance).is_empty()).await;
        assert!(instance.metrics()[1].1 <= instance.metrics()[0].1);
    });
}

#[test]
fn all_types_but_srv_need_a_port() {
    let names = || ("names", Value::array([Value::from("x")]));
    let errors = refusals(&COMPONENT, [names(), ("type", Value::from("mx"))]);
    assert!(errors[0].contains("a port is required"), "{errors:?}");
    let errors = refusals(&COMPONENT, [names(), ("type", Value::from("TXT"))]);
    assert!(
        errors[0].contains("invalid DNS-SD records type TXT"),
        "{errors:?}"
    );
    assert_eq!(refusals(&COMPONENT, [names()]), Vec::<String>::new());
}
