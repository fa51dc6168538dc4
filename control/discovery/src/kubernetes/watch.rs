//! What the API server streams while a kind is watched, and lists. Pure.

use net::Bytes;
use serde::Deserialize;

use super::objects::{Meta, Object};

/// Limit: bytes of one event. The server keeps objects below 1.5 MiB, and an event holds one.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A page of a list.
pub struct Page<T> {
    pub objects: Vec<T>,
    /// From where to watch, once the last page is there.
    pub version: String,
    /// Where the next page begins; empty on the last one.
    pub next: String,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    r#continue: Option<String>,
}

pub fn page<T: Object>(body: &[u8]) -> Result<Page<T>, String> {
    let list: List<T> =
        serde_json::from_slice(body).map_err(|error| format!("no list of objects: {error}"))?;
    Ok(Page {
        objects: list.items.unwrap_or_default(),
        version: list.metadata.resource_version,
        next: list.metadata.r#continue.unwrap_or_default(),
    })
}

/// What happened to an object.
#[derive(Debug, PartialEq)]
pub enum Event<T> {
    /// It is there, new or changed.
    Put(T),
    Gone(Meta),
    /// Nothing; only the version goes on.
    Bookmark,
    /// The server does not know the version any more: list again.
    Expired,
    /// The server gave up, and said why.
    Failed(String),
}

#[derive(Deserialize)]
struct Outline {
    r#type: String,
    object: ObjectOutline,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ObjectOutline {
    metadata: VersionMeta,
    /// Of the status that stands in the object's place when something failed.
    code: u16,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct VersionMeta {
    resource_version: String,
}

#[derive(Deserialize)]
struct Whole<T> {
    object: T,
}

#[derive(Deserialize)]
struct WithMeta {
    metadata: Meta,
}

/// An event, and the version that the cluster is at with it.
pub fn event<T: Object>(line: &[u8]) -> Result<(Event<T>, String), String> {
    let broken = |error: serde_json::Error| format!("no event of a watch: {error}");
    let outline: Outline = serde_json::from_slice(line).map_err(broken)?;
    let event = match &*outline.r#type {
        "ADDED" | "MODIFIED" => {
            let whole: Whole<T> = serde_json::from_slice(line).map_err(broken)?;
            Event::Put(whole.object)
        }
        "DELETED" => {
            let whole: Whole<WithMeta> = serde_json::from_slice(line).map_err(broken)?;
            Event::Gone(whole.object.metadata)
        }
        "BOOKMARK" => Event::Bookmark,
        "ERROR" if outline.object.code == 410 => Event::Expired,
        "ERROR" => Event::Failed(outline.object.message),
        other => return Err(format!("no event of a watch: its type is {other:?}")),
    };
    Ok((event, outline.object.metadata.resource_version))
}

/// Cuts a stream into lines.
#[derive(Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// The lines that end in `chunk`, without what is blank.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<Vec<Vec<u8>>, String> {
        let mut lines = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            if EVENT_BYTES_MAX < self.begun.len() + piece.len() {
                return Err(format!("an event is larger than {EVENT_BYTES_MAX} bytes"));
            }
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun);
                if !line.trim_ascii().is_empty() {
                    lines.push(line);
                }
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::objects::{Namespace, Pod};

    #[test]
    fn events_are_told_apart() {
        let event = |line: &str| event::<Namespace>(line.as_bytes());
        let (put, version) =
            event(r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"}}}"#)
                .expect("is valid");
        assert!(matches!(put, Event::Put(object) if object.metadata.name == "a"));
        assert_eq!(version, "7");
        let (gone, _) =
            event(r#"{"type":"DELETED","object":{"metadata":{"name":"a"}}}"#).expect("is valid");
        assert!(matches!(gone, Event::Gone(meta) if meta.name == "a"));
        let bookmark =
            event(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#);
        assert_eq!(bookmark, Ok((Event::Bookmark, "9".to_owned())));
        let expired = event(r#"{"type":"ERROR","object":{"kind":"Status","code":410}}"#);
        assert_eq!(expired, Ok((Event::Expired, String::new())));
        let failed = event(r#"{"type":"ERROR","object":{"code":500,"message":"m"}}"#);
        assert_eq!(failed, Ok((Event::Failed("m".to_owned()), String::new())));
        for line in [
            "",
            "{}",
            r#"{"type":"NEW","object":{}}"#,
            r#"{"type":"ADDED","object":7}"#,
        ] {
            assert!(event(line).is_err(), "{line}");
        }
    }

    #[test]
    fn lists_have_pages() {
        let body = br#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[{},{}]}"#;
        let page = super::page::<Pod>(body).expect("is valid");
        assert_eq!(
            (page.objects.len(), &*page.version, &*page.next),
            (2, "5", "c")
        );
        let empty = super::page::<Pod>(br#"{"metadata":{},"items":null}"#).expect("is valid");
        assert_eq!((empty.objects.len(), &*empty.next), (0, ""));
        assert!(super::page::<Pod>(b"[]").is_err());
    }

    #[test]
    fn lines_come_however_they_are_cut() {
        let text = b"one\n\ntwo\r\nthree";
        for step in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(step) {
                let fed = lines.feed(&Bytes::copy_from_slice(piece));
                found.extend(fed.expect("is short"));
            }
            assert_eq!(found, [&b"one\n"[..], b"two\r\n"], "step {step}");
        }
        let mut lines = Lines::default();
        let piece = Bytes::from(vec![b'x'; EVENT_BYTES_MAX]);
        assert!(lines.feed(&piece).is_ok());
        assert!(lines.feed(&piece).is_err());
    }
}
