//! A document to text.

use super::document::{Document, Id, Kind};

/// What is below a node.
pub(super) fn children(document: &Document, id: Id) -> String {
    let mut out = String::new();
    for &child in &document.node(id).children {
        node(document, child, &mut out);
    }
    out
}

/// A node with what is below it.
pub(super) fn node(document: &Document, id: Id, out: &mut String) {
    match &document.node(id).kind {
        Kind::Document => out.push_str(&children(document, id)),
        Kind::Text(text) => escape(text, out),
        Kind::CData(text) => {
            out.push_str("<![CDATA[");
            out.push_str(text);
            out.push_str("]]>");
        }
        Kind::Comment(text) => {
            out.push_str("<!--");
            out.push_str(text);
            out.push_str("-->");
        }
        Kind::Directive(text) => {
            out.push_str("<!");
            out.push_str(text);
            out.push('>');
        }
        Kind::Declaration(name, attributes) => {
            out.push_str("<?");
            out.push_str(name);
            write_attributes(attributes, out);
            out.push_str("?>");
        }
        Kind::Element(name, attributes) => {
            out.push('<');
            out.push_str(name);
            write_attributes(attributes, out);
            out.push('>');
            for &child in &document.node(id).children {
                node(document, child, out);
            }
            out.push_str("</");
            out.push_str(name);
            out.push('>');
        }
    }
}

fn write_attributes(attributes: &[(String, String)], out: &mut String) {
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(value, out);
        out.push('"');
    }
}

pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}
