//! The reference's positions, which are YAML: texts by a pair of path and labels, or, in older
//! ones, by the path.

use std::fmt::Display;

use saphyr_parser::{Event, Parser};

use super::positions::Key;

/// Limit: nesting of a positions file; real ones have three levels.
const DEPTH_MAX: usize = 16;

/// A document of texts; other things are not in these files.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    List,
    Map(Vec<(Node, Node)>),
}

/// Positions by path and labels.
pub fn positions(text: &str) -> Result<Vec<(Key, String)>, String> {
    let mut found = Vec::new();
    for (key, value) in entries(text)? {
        let (Node::Map(fields), Node::Text(value)) = (key, value) else {
            return Err("a position has no path".to_owned());
        };
        let field = |wanted: &str| {
            let of_name = |(name, value): &(Node, Node)| match (name, value) {
                (Node::Text(name), Node::Text(value)) if name == wanted => Some(value.clone()),
                _ => None,
            };
            fields.iter().find_map(of_name).unwrap_or_default()
        };
        let key = Key {
            path: field("path"),
            labels: field("labels"),
        };
        found.push((key, value));
    }
    Ok(found)
}

/// Positions by path alone.
pub fn legacy_positions(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for entry in entries(text)? {
        let (Node::Text(path), Node::Text(value)) = entry else {
            return Err("a position is no text".to_owned());
        };
        found.push((path, value));
    }
    Ok(found)
}

/// What stands below `positions`.
fn entries(text: &str) -> Result<Vec<(Node, Node)>, String> {
    let fields = match document(text)? {
        Some(Node::Map(fields)) => fields,
        Some(Node::Text(text)) if text.is_empty() => Vec::new(),
        None => Vec::new(),
        Some(_) => return Err("it is no map".to_owned()),
    };
    let mut found = Vec::new();
    for (name, value) in fields {
        match (name, value) {
            (Node::Text(name), Node::Map(entries)) if name == "positions" => found = entries,
            // An empty one.
            (Node::Text(name), Node::Text(_)) if name == "positions" => {}
            (name, _) => return Err(format!("{name:?} is not expected")),
        }
    }
    Ok(found)
}

fn document(text: &str) -> Result<Option<Node>, String> {
    // Open maps, each with the key whose value has not come yet; a list is a map without keys.
    let mut open: Vec<(Node, Option<Node>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let node = match event {
            Event::Scalar(text, ..) => Node::Text(text.into_owned()),
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if open.len() == DEPTH_MAX {
                    return Err("it is nested too deep".to_owned());
                }
                let map = matches!(event, Event::MappingStart(..));
                let node = if map {
                    Node::Map(Vec::new())
                } else {
                    Node::List
                };
                open.push((node, None));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match open.pop() {
                Some((node, _)) => node,
                None => return Err("a collection ends that has not begun".to_owned()),
            },
            Event::Alias(_) => return Err("an alias is not expected".to_owned()),
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(Some(node)),
            Some((Node::Map(entries), key)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(node),
            },
            Some(_) => {}
        }
    }
    Ok(None)
}

/// The file as the reference writes it.
pub fn write<V: Display>(entries: &[(&Key, V)]) -> String {
    if entries.is_empty() {
        return "positions: {}\n".to_owned();
    }
    let mut text = "positions:\n".to_owned();
    for (key, position) in entries {
        // Strings of JSON are strings of YAML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (path, labels) = (quoted(&key.path), quoted(&key.labels));
        let position = quoted(&position.to_string());
        text.push_str(&format!(
            "    ? path: {path}\n      labels: {labels}\n    : {position}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reference_and_we_write_is_read() {
        let text = "positions:\n  ? path: /var/log/a.log\n    labels: '{job=\"j\"}'\n  : \"12\"\n  \
                    ? path: cursor-x\n    labels: '{}'\n  : s=1;i=2\n";
        let key = |path: &str, labels: &str| Key {
            path: path.to_owned(),
            labels: labels.to_owned(),
        };
        let (file, cursor) = (key("/var/log/a.log", "{job=\"j\"}"), key("cursor-x", "{}"));
        let expected = [
            (file.clone(), "12".to_owned()),
            (cursor, "s=1;i=2".to_owned()),
        ];
        assert_eq!(positions(text).as_deref(), Ok(&expected[..]));
        let odd = key("/a \"b\"\n: c", "{a=\"\\\\é\"}");
        let written = write(&[(&file, 12), (&odd, 7)]);
        let expected = [(file, "12".to_owned()), (odd, "7".to_owned())];
        assert_eq!(
            positions(&written).as_deref(),
            Ok(&expected[..]),
            "{written}"
        );
        assert_eq!(positions(&write::<u64>(&[])).as_deref(), Ok(&[][..]));
        assert_eq!(positions("").as_deref(), Ok(&[][..]));
    }

    #[test]
    fn older_positions_are_by_path() {
        let text = "positions:\n  /var/log/a.log: \"12\"\n";
        let expected = [("/var/log/a.log".to_owned(), "12".to_owned())];
        assert_eq!(legacy_positions(text).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn other_documents_are_refused() {
        for text in [
            "[1]",
            "positions: [",
            "other: {a: b}",
            "positions: {a: b}",
            "a: *b",
        ] {
            assert!(positions(text).is_err(), "{text}");
        }
        let deep = "positions: ".to_owned() + &"[".repeat(100_000);
        assert!(positions(&deep).is_err());
    }
}
