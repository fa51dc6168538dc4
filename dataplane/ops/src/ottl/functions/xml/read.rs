//! Text to a document.

use super::document::{DOCUMENT, Document, Id, Kind};
use crate::ottl::error::Error;

/// Limit: elements in elements. Reading, writing and selecting go down with the stack.
const DEPTH_MAX: usize = 500;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Exactly one element, and nothing behind it.
    Single,
    /// Any elements and texts, as a fragment has them.
    Fragment,
}

pub(super) fn read(text: &str, form: Form) -> Result<Document, Error> {
    let mut reader = Reader {
        rest: text,
        document: Document::new(),
        open: vec![DOCUMENT],
    };
    while !reader.rest.is_empty() {
        reader.step()?;
        if form == Form::Single && reader.open.len() == 1 && reader.has_element() {
            if !reader.rest.is_empty() {
                return Err(Error::new("trailing bytes after parsing xml"));
            }
            break;
        }
    }
    if reader.open.len() > 1 {
        return Err(Error::new("parse xml: unexpected EOF"));
    }
    if !text.is_empty() && !reader.has_element() {
        return Err(broken("no element"));
    }
    Ok(reader.document)
}

struct Reader<'t> {
    rest: &'t str,
    document: Document,
    open: Vec<Id>,
}

fn broken(what: &str) -> Error {
    Error::new(format!("parse xml: {what}"))
}

impl<'t> Reader<'t> {
    fn has_element(&self) -> bool {
        let children = &self.document.node(DOCUMENT).children;
        children
            .iter()
            .any(|&child| self.document.name(child).is_some())
    }

    fn parent(&self) -> Id {
        *self.open.last().expect("the document stays open")
    }

    /// What stands up to an end, which is passed.
    fn up_to(&mut self, start: usize, end: &str) -> Result<&'t str, Error> {
        let (inner, rest) = self.rest[start..]
            .split_once(end)
            .ok_or_else(|| broken("unexpected EOF"))?;
        self.rest = rest;
        Ok(inner)
    }

    fn step(&mut self) -> Result<(), Error> {
        let parent = self.parent();
        let kind = if self.rest.starts_with("<!--") {
            Kind::Comment(self.up_to(4, "-->")?.to_owned())
        } else if self.rest.starts_with("<![CDATA[") {
            Kind::CData(self.up_to(9, "]]>")?.to_owned())
        } else if self.rest.starts_with("<?") {
            let inner = self.up_to(2, "?>")?;
            let (name, rest) = split_name(inner);
            Kind::Declaration(name.to_owned(), attributes(rest).unwrap_or_default())
        } else if self.rest.starts_with("<!") {
            Kind::Directive(self.up_to(2, ">")?.to_owned())
        } else if self.rest.starts_with("</") {
            return self.close();
        } else if self.rest.starts_with('<') {
            return self.element();
        } else {
            let end = self.rest.find('<').unwrap_or(self.rest.len());
            let text = unescape(&self.rest[..end])?;
            self.rest = &self.rest[end..];
            Kind::Text(text)
        };
        self.document.add(parent, kind);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let name = self.up_to(2, ">")?.trim_end();
        let open = self.parent();
        if self.document.name(open) != Some(name) {
            return Err(broken(&format!("unexpected end element </{name}>")));
        }
        self.open.pop();
        Ok(())
    }

    fn element(&mut self) -> Result<(), Error> {
        let end = tag_end(&self.rest[1..]).ok_or_else(|| broken("unexpected EOF"))?;
        let inner = &self.rest[1..=end];
        self.rest = &self.rest[end + 2..];
        let (inner, empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, rest) = split_name(inner);
        if !is_name(name) {
            return Err(broken("expected element name after <"));
        }
        let attributes = attributes(rest)?;
        let kind = Kind::Element(name.to_owned(), attributes);
        let parent = self.parent();
        let id = self.document.add(parent, kind);
        if !empty {
            if self.open.len() > DEPTH_MAX {
                return Err(broken("elements are nested too deeply"));
            }
            self.open.push(id);
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    name.starts_with(first)
        && name
            .chars()
            .all(|c| first(c) || c.is_numeric() || matches!(c, '-' | '.'))
}

fn split_name(inner: &str) -> (&str, &str) {
    let end = inner
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(inner.len());
    inner.split_at(end)
}

/// Where a tag ends: at the first `>` outside quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(index),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| broken("attribute name without = in element"))?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(|| broken("unquoted or missing attribute value"))?;
        let (value, after) = after[1..]
            .split_once(quote)
            .ok_or_else(|| broken("unexpected EOF"))?;
        let name = name.trim_end();
        if !is_name(name) {
            return Err(broken("expected attribute name in element"));
        }
        attributes.push((name.to_owned(), unescape(value)?));
        rest = after.trim_start();
    }
    Ok(attributes)
}

/// Entities replaced.
fn unescape(text: &str) -> Result<String, Error> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let invalid = || broken(&format!("invalid character entity &{part}"));
        let (entity, rest) = part.split_once(';').ok_or_else(invalid)?;
        let number = entity.strip_prefix('#');
        out.push(match (entity, number) {
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("amp", _) => '&',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, Some(number)) => {
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                };
                code.and_then(char::from_u32).ok_or_else(invalid)?
            }
            _ => return Err(invalid()),
        });
        out.push_str(rest);
    }
    Ok(out.replace("\r\n", "\n").replace('\r', "\n"))
}
