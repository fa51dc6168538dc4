//! The prober `dns`: one question to a server, and what its answer must be like.

pub mod message;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use net::tls::{ClientTls, secure};
use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use self::message::{Message, Question};
use super::modules::IpChoice;
use super::resolve::resolve;
use super::tcp::{Wire, connect, split_host_port};
use crate::families::Families;

/// Limit: bytes of an answer, by the two bytes of its length over TCP.
const ANSWER_BYTES_MAX: usize = 65_535;

/// What to ask, and how.
pub struct Dns {
    pub ip: IpChoice,
    pub source: Option<IpAddr>,
    pub over_tcp: bool,
    /// TLS over TCP.
    pub over_tls: Option<ClientTls>,
    pub question: Question,
    /// Codes of answers that are good.
    pub valid_codes: Vec<u16>,
    pub answers: RecordRules,
    pub authorities: RecordRules,
    pub additionals: RecordRules,
}

/// What records of a section must be like.
#[derive(Default)]
pub struct RecordRules {
    pub fail_if_matches: Vec<Regex>,
    pub fail_if_all_match: Vec<Regex>,
    pub fail_if_not_matches: Vec<Regex>,
    pub fail_if_none_matches: Vec<Regex>,
}

/// What a probe has seen.
#[derive(Default)]
struct Seen {
    resolve: Duration,
    connect: Duration,
    request: Duration,
    answer: Option<Message>,
}

/// Whether the probe has succeeded.
pub async fn probe(target: &str, dns: &Dns, timeout: Duration, out: &mut Families) -> bool {
    let mut seen = Seen::default();
    let asked = tokio::time::timeout(timeout, ask(target, dns, &mut seen, out)).await;
    let asked = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let success = match asked {
        Ok(message) => {
            let good = dns.is_good(&message);
            seen.answer = Some(message);
            good
        }
        Err(error) => {
            tracing::debug!(target, err = %error, "a dns probe has failed");
            false
        }
    };
    seen.write(dns, out);
    success
}

async fn ask(target: &str, dns: &Dns, seen: &mut Seen, out: &mut Families) -> io::Result<Message> {
    let began = Instant::now();
    let port = if dns.over_tls.is_some() { 853 } else { 53 };
    let (host, port) = split_host_port(target).unwrap_or((target, port));
    let address = resolve(host, dns.ip, out).await;
    seen.resolve = began.elapsed();
    let address = address.ok_or(io::ErrorKind::NotFound)?;
    let server = SocketAddr::new(address, port);
    let id = RandomState::new().build_hasher().finish() as u16;
    let question = dns.question.encode(id).map_err(io::Error::other)?;
    let began = Instant::now();
    if !dns.over_tcp {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((dns.source.unwrap_or(any), 0)).await?;
        socket.connect(server).await?;
        seen.connect = began.elapsed();
        let sent = Instant::now();
        socket.send(&question).await?;
        let mut bytes = vec![0; ANSWER_BYTES_MAX];
        loop {
            let length = socket.recv(&mut bytes).await?;
            seen.request = sent.elapsed();
            // Strangers may send what they like.
            match Message::read(&bytes[..length]) {
                Some(message) if message.id == id => return Ok(message),
                _ => tracing::debug!(target, "not an answer to the question of this probe"),
            }
        }
    }
    let mut stream: Box<dyn Wire> = Box::new(connect(server, dns.source).await?);
    if let Some(tls) = &dns.over_tls {
        stream = Box::new(secure(stream, tls, host).await?.0);
    }
    seen.connect = began.elapsed();
    let sent = Instant::now();
    let length = u16::try_from(question.len()).expect("a question has one name");
    let framed = [&length.to_be_bytes(), &*question].concat();
    stream.write_all(&framed).await?;
    stream.flush().await?;
    let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut bytes).await?;
    seen.request = sent.elapsed();
    let message = Message::read(&bytes).filter(|message| message.id == id);
    message.ok_or_else(|| io::Error::other("the answer is to another question, or none"))
}

impl Dns {
    fn is_good(&self, message: &Message) -> bool {
        self.valid_codes.contains(&message.code)
            && self.answers.take(&message.answers)
            && self.authorities.take(&message.authorities)
            && self.additionals.take(&message.additionals)
    }
}

impl RecordRules {
    fn take(&self, records: &[String]) -> bool {
        let wanted = !self.fail_if_not_matches.is_empty() || !self.fail_if_none_matches.is_empty();
        if records.is_empty() && wanted {
            return false;
        }
        let pairs = |rules: &[Regex], matches: bool| {
            let of_record = |record: &String| rules.iter().any(|it| it.is_match(record) == matches);
            records.iter().any(of_record)
        };
        !pairs(&self.fail_if_matches, true)
            && !pairs(&self.fail_if_not_matches, false)
            && (self.fail_if_none_matches.is_empty() || pairs(&self.fail_if_none_matches, true))
            // Compat: the reference fails where not all match, against the name of the rule.
            && (self.fail_if_all_match.is_empty() || !pairs(&self.fail_if_all_match, false))
    }
}

impl Seen {
    fn write(&self, dns: &Dns, out: &mut Families) {
        let help = "Duration of DNS request by phase";
        for (phase, took) in [
            ("resolve", self.resolve),
            ("connect", self.connect),
            ("request", self.request),
        ] {
            let labels = [("phase", phase)];
            out.gauge(
                "probe_dns_duration_seconds",
                help,
                &labels,
                took.as_secs_f64(),
            );
        }
        let count = |of: fn(&Message) -> usize| self.answer.as_ref().map_or(0, of) as f64;
        let help = "Returns number of entries in the answer resource record list";
        out.gauge(
            "probe_dns_answer_rrs",
            help,
            &[],
            count(|it| it.answers.len()),
        );
        let help = "Returns number of entries in the authority resource record list";
        out.gauge(
            "probe_dns_authority_rrs",
            help,
            &[],
            count(|it| it.authorities.len()),
        );
        let help = "Returns number of entries in the additional resource record list";
        out.gauge(
            "probe_dns_additional_rrs",
            help,
            &[],
            count(|it| it.additionals.len()),
        );
        let help = "Displays whether or not the query was executed successfully";
        out.gauge("probe_dns_query_succeeded", help, &[], count(|_| 1));
        if let Some(answer) = self.answer.as_ref().filter(|_| dns.question.is_soa()) {
            let serial = f64::from(answer.serial.unwrap_or(0));
            let help = "Returns the serial number of the zone";
            out.gauge("probe_dns_serial", help, &[], serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_about_the_texts_of_records() {
        let rules = |field: usize, pattern: &str| {
            let regexes = vec![Regex::new(pattern).expect("it compiles")];
            let mut rules = RecordRules::default();
            *[
                &mut rules.fail_if_matches,
                &mut rules.fail_if_all_match,
                &mut rules.fail_if_not_matches,
                &mut rules.fail_if_none_matches,
            ][field] = regexes;
            rules
        };
        let records = [
            "a. 1 IN A 10.0.0.1".to_owned(),
            "a. 1 IN A 10.0.0.2".to_owned(),
        ];
        for (field, pattern, expect, empty) in [
            (0, "0\\.1$", false, true),
            (0, "0\\.3$", true, true),
            (1, "0\\.1$", false, true),
            (1, "10", true, true),
            (2, "0\\.1$", false, false),
            (2, "10", true, false),
            (3, "0\\.1$", true, false),
            (3, "0\\.3$", false, false),
        ] {
            let rules = rules(field, pattern);
            assert_eq!(rules.take(&records), expect, "{field} {pattern}");
            assert_eq!(rules.take(&[]), empty, "{field} {pattern} of nothing");
        }
    }
}
