//! discovery.dns' lookups against NSD, an authoritative server: every type of record, names that
//! are missing, and an answer that does not fit into a packet.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use discovery::dns::{Record, RecordType, ResolvConf, lookup};
use runtime::Backend;
use tests::free_port;
use tests::packages::unpacked;

const ZONE: &str = "$ORIGIN example.
@ 60 IN SOA ns.example. root.example. 1 60 60 60 60
@ 60 IN NS ns.example.
ns 60 IN A 127.0.0.1
@ 60 IN MX 10 mail.example.
web 60 IN A 10.0.0.1
web 60 IN A 10.0.0.2
web 60 IN AAAA fd00::1
alias 60 IN CNAME web.example.
_web._tcp 60 IN SRV 0 5 8080 web.example.
";

/// How many addresses the name `many` has: ten times what a packet holds.
const MANY: u8 = 250;

/// Ends with this guard.
struct Nsd(Child);

impl Drop for Nsd {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn records_of_a_real_server_are_found() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let port = free_port();
    let server = start(folder.path(), port);
    let conf = ResolvConf {
        servers: vec!["127.0.0.1".to_owned()],
        port,
        search: vec!["example".to_owned()],
        dots: 1,
        timeout: Duration::from_secs(5),
    };
    let done = runtime::block_on(Backend::Tokio, move || Box::pin(check(conf)));
    done.expect("the backend starts");
    drop(server);
}

async fn check(conf: ResolvConf) {
    let look = async |name: &str, kind| lookup(name, kind, &conf).await;
    let mut ready = Err(String::new());
    for _ in 0..100 {
        ready = look("web", RecordType::A).await;
        if ready.is_ok() {
            break;
        }
        runtime::sleep(Duration::from_millis(100)).await;
    }
    let mut addresses = ready.expect("the server answers");
    addresses.sort_by_key(|record| format!("{record:?}"));
    let a = |last| Record::A([10, 0, 0, last].into());
    assert_eq!(addresses, [a(1), a(2)]);
    let aaaa = look("web", RecordType::Aaaa).await;
    assert_eq!(
        aaaa,
        Ok(vec![Record::Aaaa("fd00::1".parse().expect("an address"))])
    );
    let services = look("_web._tcp.example.", RecordType::Srv).await;
    let service = Record::Srv {
        target: "web.example.".to_owned(),
        port: 8080,
    };
    assert_eq!(services, Ok(vec![service]));
    let mail = look("example.", RecordType::Mx).await;
    assert_eq!(mail, Ok(vec![Record::Mx("mail.example.".to_owned())]));
    let servers = look("example.", RecordType::Ns).await;
    assert_eq!(servers, Ok(vec![Record::Ns("ns.example.".to_owned())]));
    let alias = look("alias", RecordType::A).await.expect("is there");
    assert_eq!(alias[0], Record::Other(5), "the alias comes first");
    assert_eq!(alias.len(), 3);
    assert_eq!(look("none.example.", RecordType::A).await, Ok(Vec::new()));
    let many = look("many", RecordType::A).await.expect("over TCP");
    assert_eq!(many.len(), usize::from(MANY));
    // Not a name that this server is there for: it refuses, which is no answer.
    assert!(look("elsewhere.test.", RecordType::A).await.is_err());
}

fn start(folder: &Path, port: u16) -> Nsd {
    let many: String = (0..MANY)
        .map(|last| format!("many 60 IN A 10.0.1.{last}\n"))
        .collect();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a scratch folder");
    };
    write("example.zone", &format!("{ZONE}{many}"));
    let path = folder.display();
    write(
        "nsd.conf",
        &format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  zonesdir: \"{path}\"\n  \
             database: \"\"\n  pidfile: \"{path}/pid\"\n  xfrdfile: \"{path}/xfrd\"\n  \
             xfrdir: \"{path}\"\n  zonelistfile: \"{path}/zones\"\n  logfile: \"{path}/log\"\n\
             remote-control:\n  control-enable: no\n\
             zone:\n  name: example.\n  zonefile: example.zone\n"
        ),
    );
    let (program, libraries) = nsd();
    let child = Command::new(program)
        .args(["-d", "-c"])
        .arg(folder.join("nsd.conf"))
        .env("LD_LIBRARY_PATH", libraries)
        .stdin(Stdio::null())
        .spawn();
    Nsd(child.expect("the server starts"))
}

/// The program and where its libraries are: installed, or unpacked with what it needs.
fn nsd() -> (PathBuf, PathBuf) {
    let installed = PathBuf::from("/usr/sbin/nsd");
    if installed.is_file() {
        return (installed, PathBuf::new());
    }
    let folder = unpacked(&["nsd", "libprotobuf-c1", "libfstrm0"]);
    let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
    (
        folder.join("usr/sbin/nsd"),
        folder.join("usr/lib").join(machine),
    )
}
