//! `/etc/resolv.conf`: whom to ask, and what to put behind a name. See resolv.conf(5).

use std::net::IpAddr;
use std::time::Duration;

const PATH: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

/// The settings that a lookup needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// Addresses of servers, in the order to ask them, with an IPv6 zone as it was given.
    pub servers: Vec<String>,
    pub port: u16,
    /// Domains to put behind names.
    pub search: Vec<String>,
    /// A name with as many dots is tried as it is first.
    pub dots: usize,
    /// How long a server may take.
    pub timeout: Duration,
}

impl ResolvConf {
    pub fn read() -> Result<ResolvConf, String> {
        let text = std::fs::read_to_string(PATH);
        let text = text.map_err(|error| format!("could not load {PATH}: {error}"))?;
        Ok(ResolvConf::parse(&text))
    }

    fn parse(text: &str) -> ResolvConf {
        let mut conf = ResolvConf {
            servers: Vec::new(),
            port: PORT,
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(2),
        };
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.servers.extend(words.next().map(str::to_owned)),
                Some("domain" | "search") => conf.search = words.map(str::to_owned).collect(),
                Some("options") => words.for_each(|option| conf.option(option)),
                _ => {}
            }
        }
        conf
    }

    fn option(&mut self, option: &str) {
        let number = |text: &str| text.parse::<usize>().ok();
        match option.split_once(':') {
            Some(("ndots", count)) => self.dots = number(count).unwrap_or(1).min(15),
            Some(("timeout", seconds)) => {
                let seconds = number(seconds).unwrap_or(2).clamp(1, 30);
                self.timeout = Duration::from_secs(seconds as u64);
            }
            _ => {}
        }
    }

    /// The names to try for `name`, with a dot at their ends.
    pub fn names(&self, name: &str) -> Vec<String> {
        if let Some(rooted) = name.strip_suffix('.') {
            return vec![format!("{rooted}.")];
        }
        let itself = format!("{name}.");
        let searched = self
            .search
            .iter()
            .map(|domain| format!("{name}.{}.", domain.trim_matches('.')).replace("..", "."));
        match self.dots <= name.matches('.').count() {
            true => std::iter::once(itself).chain(searched).collect(),
            false => searched.chain(std::iter::once(itself)).collect(),
        }
    }

    /// Addresses with the port; what is no address is passed over.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, u16)> {
        self.servers.iter().filter_map(|server| {
            let plain = server.split('%').next().unwrap_or_default();
            Some((plain.parse().ok()?, self.port))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_domains_are_read() {
        let conf = ResolvConf::parse(
            "# comment\nnameserver 10.0.0.1\nnameserver fe80::1%eth0 ; zone\n\
             domain old\nsearch a.example b.example.\noptions ndots:2 timeout:5 rotate\nodd line\n",
        );
        assert_eq!(conf.servers, ["10.0.0.1", "fe80::1%eth0"]);
        assert_eq!(conf.search, ["a.example", "b.example."]);
        assert_eq!((conf.dots, conf.timeout), (2, Duration::from_secs(5)));
        assert_eq!(conf.addresses().count(), 2);
        assert_eq!(conf.names("x"), ["x.a.example.", "x.b.example.", "x."]);
        assert_eq!(
            conf.names("x.y.z"),
            ["x.y.z.", "x.y.z.a.example.", "x.y.z.b.example."]
        );
        assert_eq!(conf.names("x."), ["x."]);
        assert_eq!(ResolvConf::parse("search .\n").names("x"), ["x.", "x."]);
    }
}
