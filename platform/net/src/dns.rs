//! Names to addresses, through the system's resolver, remembered for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;
use runtime::sync::Semaphore;

/// How long an answer is used: the system's resolver does not hand on the record's own lifetime.
const KNOWN: Duration = Duration::from_secs(30);
/// How long a failure is, so that fifty senders waiting for one name ask once and not fifty times.
const FAILED: Duration = Duration::from_secs(1);
/// Limit: names remembered. At it all are forgotten, which costs one lookup each.
const NAMES_MAX: usize = 4096;

type Answer = Result<Rc<[IpAddr]>, (io::ErrorKind, Rc<str>)>;

pub(crate) struct Resolver {
    names: RefCell<HashMap<Box<str>, Name>>,
}

struct Name {
    /// One lookup of a name at a time; the others wait and take its answer.
    lookup: Semaphore,
    answer: Option<(Instant, Answer)>,
}

impl Resolver {
    pub(crate) fn new() -> Resolver {
        Resolver {
            names: RefCell::new(HashMap::new()),
        }
    }

    /// The addresses of `host`, at least one, in the system's order.
    pub(crate) async fn resolve(&self, host: &str) -> io::Result<Rc<[IpAddr]>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Rc::from([address]));
        }
        if let Some(answer) = self.known(host) {
            return answer;
        }
        let lookup = self.lookup_of(host);
        let _turn = lookup.acquire(1).await;
        if let Some(answer) = self.known(host) {
            return answer;
        }
        let name = host.to_owned();
        let answer = runtime::service::blocking(move || look_up(&name)).await;
        let answer = answer
            .map(|addresses| -> Rc<[IpAddr]> { addresses.into() })
            .map_err(|error| (error.kind(), error.to_string().into()));
        if let Some(name) = self.names.borrow_mut().get_mut(host) {
            name.answer = Some((runtime::now(), answer.clone()));
        }
        give(&answer)
    }

    fn known(&self, host: &str) -> Option<io::Result<Rc<[IpAddr]>>> {
        let names = self.names.borrow();
        let (at, answer) = names.get(host)?.answer.as_ref()?;
        let lifetime = if answer.is_ok() { KNOWN } else { FAILED };
        (runtime::now() - *at < lifetime).then(|| give(answer))
    }

    fn lookup_of(&self, host: &str) -> Semaphore {
        let mut names = self.names.borrow_mut();
        if names.len() >= NAMES_MAX && !names.contains_key(host) {
            names.clear();
        }
        let new = || Name {
            lookup: Semaphore::new(1),
            answer: None,
        };
        names.entry(host.into()).or_insert_with(new).lookup.clone()
    }
}

fn give(answer: &Answer) -> io::Result<Rc<[IpAddr]>> {
    answer
        .clone()
        .map_err(|(kind, text)| io::Error::new(kind, &*text))
}

fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    match addresses.is_empty() {
        true => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        )),
        false => Ok(addresses),
    }
}
