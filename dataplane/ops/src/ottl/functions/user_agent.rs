//! `UserAgent`: the browser or client in a user agent, and its system.
//!
//! The browsers, tools and systems that make up nearly all traffic are known, by the names that
//! the uap-core project gives them; all else is `Other`.

use super::call::{Args, Outcome};
use super::{Definition, parameter, plain};
use crate::ottl::coerce::Kind;
use crate::ottl::value::{Map, Value};

pub(super) const TABLE: &[Definition] = &[plain(
    "UserAgent",
    &[parameter("user_agent", Kind::Text)],
    user_agent,
)];

/// What must stand in a text, what follows it is the version; first that fits.
struct Rule {
    marker: &'static str,
    /// Another text that must stand there too.
    with: &'static str,
    name: &'static str,
}

const fn rule(marker: &'static str, with: &'static str, name: &'static str) -> Rule {
    Rule { marker, with, name }
}

const CLIENTS: &[Rule] = &[
    rule("Googlebot/", "", "Googlebot"),
    rule("bingbot/", "", "bingbot"),
    rule("YandexBot/", "", "YandexBot"),
    rule("DuckDuckBot/", "", "DuckDuckBot"),
    rule("AhrefsBot/", "", "AhrefsBot"),
    rule("EdgA/", "", "Edge Mobile"),
    rule("EdgiOS/", "", "Edge Mobile"),
    rule("Edg/", "", "Edge"),
    rule("Edge/", "", "Edge"),
    rule("OPR/", "Mobile", "Opera Mobile"),
    rule("OPR/", "", "Opera"),
    rule("SamsungBrowser/", "", "Samsung Internet"),
    rule("YaBrowser/", "", "Yandex Browser"),
    rule("Vivaldi/", "", "Vivaldi"),
    rule("FxiOS/", "", "Firefox iOS"),
    rule("CriOS/", "", "Chrome Mobile iOS"),
    rule("HeadlessChrome/", "", "HeadlessChrome"),
    rule("Firefox/", "Android", "Firefox Mobile"),
    rule("Firefox/", "", "Firefox"),
    rule("Chrome/", "; wv)", "Chrome Mobile WebView"),
    rule("Chrome/", "Mobile", "Chrome Mobile"),
    rule("Chrome/", "", "Chrome"),
    rule("Version/", "Mobile/", "Mobile Safari"),
    rule("Version/", "Safari/", "Safari"),
    rule("MSIE ", "", "IE"),
    rule("Trident/7.0; rv:", "", "IE"),
    rule("curl/", "", "curl"),
    rule("Wget/", "", "Wget"),
    rule("python-requests/", "", "Python Requests"),
    rule("Python-urllib/", "", "Python-urllib"),
    rule("Go-http-client/", "", "Go-http-client"),
    rule("okhttp/", "", "okhttp"),
    rule("Apache-HttpClient/", "", "Apache-HttpClient"),
    rule("axios/", "", "axios"),
    rule("PostmanRuntime/", "", "PostmanRuntime"),
];

const SYSTEMS: &[Rule] = &[
    rule("Windows NT 10.0", "", "Windows\u{0}10"),
    rule("Windows NT 6.3", "", "Windows\u{0}8.1"),
    rule("Windows NT 6.2", "", "Windows\u{0}8"),
    rule("Windows NT 6.1", "", "Windows\u{0}7"),
    rule("Windows NT 6.0", "", "Windows\u{0}Vista"),
    rule("Windows NT 5.1", "", "Windows\u{0}XP"),
    rule("Android ", "", "Android"),
    rule("CPU iPhone OS ", "", "iOS"),
    rule("CPU OS ", "", "iOS"),
    rule("iOS ", "", "iOS"),
    rule("Intel Mac OS X ", "", "Mac OS X"),
    rule("CrOS ", "", "Chrome OS"),
    rule("Ubuntu", "", "Ubuntu"),
    rule("Fedora", "", "Fedora"),
    rule("FreeBSD", "", "FreeBSD"),
    rule("Linux/", "", "Linux"),
    rule("Linux", "", "Linux"),
    rule("linux", "", "Linux"),
];

fn user_agent<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let text = args.text(0);
    let (client, version) = find(CLIENTS, text).unwrap_or(("Other", String::new()));
    let (system, system_version) = find(SYSTEMS, text).unwrap_or(("Other", String::new()));
    let (system, system_version) = match system.split_once('\u{0}') {
        Some((system, version)) => (system, version.to_owned()),
        None => (system, system_version),
    };
    let mut map = Map::new();
    map.set("user_agent.name", Value::text(client));
    map.set("user_agent.original", Value::text(text.to_owned()));
    map.set("user_agent.version", Value::text(version));
    map.set("os.name", Value::text(system));
    if !system_version.is_empty() {
        map.set("os.version", Value::text(system_version));
    }
    Ok(Value::map(map))
}

fn find(rules: &[Rule], text: &str) -> Option<(&'static str, String)> {
    rules.iter().find_map(|rule| {
        let (_, after) = text.split_once(rule.marker)?;
        // Of this one, two numbers are told.
        let numbers = if rule.name == "Python Requests" { 2 } else { 3 };
        text.contains(rule.with)
            .then(|| (rule.name, version(after, numbers)))
    })
}

/// Up to so many numbers; systems of Apple have underscores between them.
fn version(text: &str, count: usize) -> String {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')
        .unwrap_or(text.len());
    let numbers: Vec<&str> = text[..end]
        .split(['.', '_'])
        .filter(|number| !number.is_empty())
        .take(count)
        .collect();
    numbers.join(".")
}
