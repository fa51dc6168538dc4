//! `stage.geoip`: extracts what a database knows about an address.

use std::net::IpAddr;
use std::rc::Rc;

use maxminddb::Reader;
use serde_json::Value as Json;

use super::jmes::{self, Found, Path};
use super::program::{Cx, Flow};
use super::{Entry, Extracted, Value};

/// A database of MaxMind's format, read whole.
pub struct Database {
    reader: Reader<Vec<u8>>,
}

impl Database {
    pub fn new(bytes: Vec<u8>) -> Result<Database, String> {
        match Reader::from_source(bytes) {
            Ok(reader) => Ok(Database { reader }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is known about an address; None if nothing.
    fn look_up(&self, address: IpAddr) -> Option<Json> {
        self.reader.lookup(address).ok()?.decode::<Json>().ok()?
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// `stage.geoip`.
#[derive(Debug)]
pub struct GeoIp {
    source: String,
    fields: &'static [(&'static str, &'static str)],
    lookups: Vec<(String, jmespath::Expression<'static>)>,
    database: Option<Rc<Database>>,
}

const COUNTRY: [(&str, &str); 4] = [
    ("geoip_country_name", "/country/names/en"),
    ("geoip_country_code", "/country/iso_code"),
    ("geoip_continent_name", "/continent/names/en"),
    ("geoip_continent_code", "/continent/code"),
];

/// The last subdivision is the most specific one; `-1` stands for it.
const CITY: [(&str, &str); 9] = [
    COUNTRY[0],
    COUNTRY[1],
    COUNTRY[2],
    COUNTRY[3],
    ("geoip_city_name", "/city/names/en"),
    ("geoip_postal_code", "/postal/code"),
    ("geoip_timezone", "/location/time_zone"),
    ("geoip_subdivision_name", "/subdivisions/-1/names/en"),
    ("geoip_subdivision_code", "/subdivisions/-1/iso_code"),
];

const ASN: [(&str, &str); 2] = [
    (
        "geoip_autonomous_system_number",
        "/autonomous_system_number",
    ),
    (
        "geoip_autonomous_system_organization",
        "/autonomous_system_organization",
    ),
];

impl GeoIp {
    /// `kind` is city, asn, country or empty; `lookups` leads from names of values to JMESPath,
    /// where an empty one is the name. Without a database the stage only checks its settings.
    pub fn new<'a>(
        source: &str,
        kind: &str,
        lookups: impl IntoIterator<Item = (&'a str, &'a str)>,
        database: Option<Rc<Database>>,
    ) -> Result<GeoIp, String> {
        let fields: &'static [(&str, &str)] = match kind {
            "city" => &CITY,
            "asn" => &ASN,
            "country" => &COUNTRY,
            "" => &[],
            _ => return Err("db type should be either city, asn or country".to_owned()),
        };
        let mut compiled = Vec::new();
        for (name, expression) in lookups {
            let text = if expression.is_empty() {
                name
            } else {
                expression
            };
            let bad = |error: String| format!("could not compile JMES expression: {error}");
            Path::parse(text).map_err(bad)?;
            let expression = jmespath::compile(text).map_err(|error| bad(error.to_string()))?;
            compiled.push((name.to_owned(), expression));
        }
        Ok(GeoIp {
            source: source.to_owned(),
            fields,
            lookups: compiled,
            database,
        })
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let Some(database) = &self.database else {
            return Flow::Pass;
        };
        cx.scratch.clear();
        let value = entry.extracted.get(&self.source);
        if !value.is_some_and(|value| value.write(cx.scratch)) {
            return Flow::Pass;
        }
        let Ok(address) = cx.scratch.parse::<IpAddr>() else {
            return Flow::Pass;
        };
        if let Some(record) = database.look_up(address) {
            self.extract(&record, &mut entry.extracted);
        }
        Flow::Pass
    }

    fn extract(&self, record: &Json, extracted: &mut Extracted) {
        for (name, pointer) in self.fields {
            match at(record, pointer) {
                Some(Json::String(text)) if !text.is_empty() => extracted.set_text(name, text),
                Some(Json::Number(number)) => {
                    let number = number.as_i64().filter(|number| *number != 0);
                    if let Some(number) = number {
                        extracted.set(name, Value::Int(number));
                    }
                }
                _ => {}
            }
        }
        if self.fields.len() == CITY.len() {
            let degrees = |name: &str| record.pointer(name).and_then(Json::as_f64).unwrap_or(0.0);
            let latitude = degrees("/location/latitude");
            let longitude = degrees("/location/longitude");
            if latitude != 0.0 || longitude != 0.0 {
                extracted.set("geoip_location_latitude", Value::Float(latitude));
                extracted.set("geoip_location_longitude", Value::Float(longitude));
            }
        }
        if self.lookups.is_empty() {
            return;
        }
        let Some(document) = jmes::document(&record.to_string()) else {
            return;
        };
        for (name, expression) in &self.lookups {
            match jmes::search(expression, &document) {
                // Compat: what is not there is not extracted, unlike in stage.json.
                None | Some(Found::Null) => {}
                Some(Found::Bool(value)) => extracted.set(name, Value::Bool(value)),
                Some(Found::Number(value)) => extracted.set(name, Value::Float(value)),
                Some(Found::Text(text)) => extracted.set_text(name, &text),
                Some(Found::Inner(_)) => extracted.set(name, Value::Opaque),
            }
        }
    }
}

fn at<'a>(record: &'a Json, pointer: &str) -> Option<&'a Json> {
    match pointer.split_once("/-1") {
        Some((list, inner)) => record.pointer(list)?.as_array()?.last()?.pointer(inner),
        None => record.pointer(pointer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::extracted;

    fn check(kind: &str, lookups: &[(&str, &str)], record: &str, expected: &[&str]) {
        let stage = GeoIp::new("ip", kind, lookups.iter().copied(), None).expect("a stage");
        let mut entry = Entry::default();
        let record = serde_json::from_str(record).expect("JSON");
        stage.extract(&record, &mut entry.extracted);
        assert_eq!(extracted(&entry), expected);
    }

    #[test]
    fn what_is_known_is_extracted_under_fixed_names() {
        let record = r#"{"city":{"names":{"en":"Paris"}},"country":{"iso_code":"FR"},
            "location":{"latitude":48.8,"longitude":2.3,"time_zone":"Europe/Paris"},
            "subdivisions":[{"iso_code":"A"},{"iso_code":"B","names":{"en":"Region"}}]}"#;
        check(
            "city",
            &[],
            record,
            &[
                "geoip_country_code=FR",
                "geoip_city_name=Paris",
                "geoip_timezone=Europe/Paris",
                "geoip_subdivision_name=Region",
                "geoip_subdivision_code=B",
                "geoip_location_latitude=48.8",
                "geoip_location_longitude=2.3",
            ],
        );
        check("country", &[], record, &["geoip_country_code=FR"]);
        let asn = r#"{"autonomous_system_number":64512,"autonomous_system_organization":""}"#;
        check("asn", &[], asn, &["geoip_autonomous_system_number=64512"]);
    }

    #[test]
    fn own_lookups_are_paths_into_the_record() {
        let record = r#"{"a":{"b":[1,2]},"t":true,"s":"x"}"#;
        let lookups = [
            ("n", "a.b[1]"),
            ("t", ""),
            ("gone", ""),
            ("all", "a"),
            ("s", "s"),
        ];
        check("", &lookups, record, &["n=2", "t=true", "all=?", "s=x"]);
        assert!(GeoIp::new("ip", "", [("x", "[")], None).is_err());
        assert!(GeoIp::new("ip", "town", [], None).is_err());
    }

    #[test]
    fn bytes_that_are_no_database_are_refused() {
        assert!(Database::new(b"no database".to_vec()).is_err());
    }
}
