//! Detectors that read variables of the environment: `env`, `heroku` and `lambda`.

use batch::otlp::{AnyValue, Attributes};
use ops::regex::GoRegex;

use super::{Detected, only, text};

/// A variable of the process's environment.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One attribute and what ends it, as in Alloy: whatever is ASCII, of at most 256 bytes.
const ATTRIBUTE: &str = r"\s*([[:ascii:]]{1,256}?)\s*=\s*([[:ascii:]]{0,256}?)\s*(?:,|$)";

/// `OTEL_RESOURCE_ATTRIBUTES`: `key=value,key=value`, values encoded as in queries.
pub fn resource(variable: impl Fn(&str) -> Option<String>) -> Result<Detected, String> {
    let names = ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE"];
    let given = names.into_iter().filter_map(variable);
    let given = given.map(|text| text.trim().to_owned());
    let Some(given) = given.into_iter().find(|text| !text.is_empty()) else {
        return Ok(Detected::default());
    };
    let regex = GoRegex::new(ATTRIBUTE)?;
    let mut attributes = Attributes::default();
    let mut end = 0;
    for found in regex.captures_iter(&given) {
        let Some(whole) = found.get(0) else { continue };
        if whole.start() != end {
            let text = &given[end..whole.start()];
            return Err(format!("invalid resource format, invalid text: {text:?}"));
        }
        let part = |group| found.get(group).map_or("", |part| part.as_str());
        let value = unescape(part(2)).ok_or_else(|| {
            let text = whole.as_str();
            format!("invalid resource format in attribute: {text:?}")
        })?;
        attributes.set(part(1).to_owned(), text(value));
        end = whole.end();
    }
    match end {
        0 => Err(format!("invalid resource format: {given:?}")),
        end if end < given.len() => {
            let text = &given[end..];
            Err(format!("invalid resource format, invalid text: {text:?}"))
        }
        _ => Ok(Detected {
            attributes,
            schema_url: "",
        }),
    }
}

/// A value of a query; none if a percent sign is followed by something else than two digits.
fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What Heroku tells of a dyno, where its metadata is switched on.
pub fn heroku(variable: impl Fn(&str) -> Option<String>, wanted: &[&'static str]) -> Detected {
    let Some(dyno) = variable("HEROKU_DYNO_ID") else {
        return Detected::default();
    };
    Detected::new(only(wanted, |name| {
        let value = match name {
            "cloud.provider" => Some("heroku".to_owned()),
            "heroku.dyno.id" | "service.instance.id" => Some(dyno.clone()),
            "heroku.app.id" => variable("HEROKU_APP_ID"),
            "heroku.release.commit" => variable("HEROKU_SLUG_COMMIT"),
            "heroku.release.creation_timestamp" => variable("HEROKU_RELEASE_CREATED_AT"),
            "service.name" => variable("HEROKU_APP_NAME"),
            "service.version" => variable("HEROKU_RELEASE_VERSION"),
            _ => None,
        };
        value.map(text)
    }))
}

/// What AWS Lambda tells of a function.
pub fn lambda(variable: impl Fn(&str) -> Option<String>, wanted: &[&'static str]) -> Detected {
    let Some(function) = variable("AWS_LAMBDA_FUNCTION_NAME").filter(|it| !it.is_empty()) else {
        return Detected::default();
    };
    let list = |name| variable(name).map(|value| AnyValue::Array(vec![text(value)]));
    Detected::new(only(wanted, |name| match name {
        "aws.log.group.names" => list("AWS_LAMBDA_LOG_GROUP_NAME"),
        "aws.log.stream.names" => list("AWS_LAMBDA_LOG_STREAM_NAME"),
        "cloud.platform" => Some(text("aws_lambda")),
        "cloud.provider" => Some(text("aws")),
        "cloud.region" => variable("AWS_REGION").map(text),
        "faas.instance" => variable("AWS_LAMBDA_LOG_STREAM_NAME").map(text),
        "faas.max_memory" => variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").map(text),
        "faas.name" => Some(text(function.clone())),
        "faas.version" => variable("AWS_LAMBDA_FUNCTION_VERSION").map(text),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = resource(|name| (name == "OTEL_RESOURCE_ATTRIBUTES").then(|| given.to_owned()));
        let found = found.map(|detected| {
            let pair = |it: &batch::otlp::KeyValue<'_>| {
                (it.key.to_string(), crate::any_text::any_text(&it.value))
            };
            detected.attributes.iter().map(pair).collect::<Vec<_>>()
        });
        let expected = expected.map_err(str::to_owned).map(|pairs| {
            let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(pair).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{given}");
    }

    #[test]
    fn attributes_are_pairs_with_encoded_values() {
        check(" ", Ok(&[]));
        check(" a = 1 ,b=x%20y%2Cz, ", Ok(&[("a", "1"), ("b", "x y,z")]));
        check("a=b=c,d=", Ok(&[("a", "b=c"), ("d", "")]));
        check("a=1+2", Ok(&[("a", "1 2")]));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        check("nothing", Err("invalid resource format: \"nothing\""));
        check("a=1,b", Err("invalid resource format, invalid text: \"b\""));
        check(
            "a=%2",
            Err("invalid resource format in attribute: \"a=%2\""),
        );
    }

    #[test]
    fn platforms_are_told_by_their_variables() {
        let none = |_: &str| None;
        assert_eq!(heroku(none, &["cloud.provider"]), Detected::default());
        assert_eq!(lambda(none, &["cloud.provider"]), Detected::default());
        let all = |name: &str| Some(name.to_lowercase());
        let found = lambda(all, &["faas.name", "aws.log.group.names"]);
        let found = found
            .attributes
            .iter()
            .map(|it| crate::any_text::any_text(&it.value));
        let expected = [
            "aws_lambda_function_name",
            r#"["aws_lambda_log_group_name"]"#,
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
