//! The functions that select by XPath and write what is left.

use super::document::{DOCUMENT, Document, Id, Kind};
use super::read::{Form, read};
use super::write;
use super::xpath::{Selected, XPath, text_of};
use crate::ottl::error::Error;
use crate::ottl::functions::call::{Args, Literals, Outcome, Prepared};
use crate::ottl::value::Value;

/// What is done with the places that a path selects.
#[derive(Debug)]
struct Selecting {
    path: XPath,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Get,
    Remove,
    Insert,
    AttributesToElements,
    /// The name of the elements that are put around texts.
    TextToElements(String),
}

type Created = Result<Box<dyn Prepared>, String>;

fn selecting(path: &str, action: Action) -> Created {
    let path = XPath::new(path)?;
    Ok(Box::new(Selecting { path, action }))
}

pub(super) fn get(literals: &Literals) -> Created {
    selecting(literals.text(1).unwrap_or_default(), Action::Get)
}

pub(super) fn remove(literals: &Literals) -> Created {
    selecting(literals.text(1).unwrap_or_default(), Action::Remove)
}

pub(super) fn insert(literals: &Literals) -> Created {
    selecting(literals.text(1).unwrap_or_default(), Action::Insert)
}

pub(super) fn attributes_to_elements(literals: &Literals) -> Created {
    let path = literals.text(1).filter(|path| !path.is_empty());
    selecting(path.unwrap_or("//@*"), Action::AttributesToElements)
}

pub(super) fn text_to_elements(literals: &Literals) -> Created {
    let path = literals.text(1).filter(|path| !path.is_empty());
    let name = literals.text(2).filter(|name| !name.is_empty());
    let action = Action::TextToElements(name.unwrap_or("value").to_owned());
    selecting(path.unwrap_or("/"), action)
}

impl Prepared for Selecting {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let text = args.text(0);
        if text.is_empty() && matches!(self.action, Action::Get | Action::Remove) {
            return Ok(Value::text(""));
        }
        let mut document = read(text, Form::Fragment)?;
        let selected = self.path.select(&document);
        match &self.action {
            Action::Get => return Ok(Value::text(selected_text(&document, &selected))),
            Action::Remove => removed(&mut document, &selected),
            Action::Insert => {
                let part = read(args.text(2), Form::Fragment)?;
                inserted(&mut document, &selected, &part)?;
            }
            Action::AttributesToElements => raised(&mut document, &selected),
            Action::TextToElements(name) => {
                for selected in selected {
                    if let Selected::Node(id) = selected {
                        wrap(&mut document, id, name);
                    }
                }
            }
        }
        Ok(Value::text(write::children(&document, DOCUMENT)))
    }
}

fn selected_text(document: &Document, selected: &[Selected]) -> String {
    let mut out = String::new();
    for &selected in selected {
        match selected {
            Selected::Node(id) => match &document.node(id).kind {
                Kind::Element(..) | Kind::Text(_) => write::node(document, id, &mut out),
                // The text of a section, without what marks it as one.
                Kind::CData(text) => write::escape(text, &mut out),
                _ => {}
            },
            attribute => write::escape(&text_of(document, attribute), &mut out),
        }
    }
    out
}

fn removed(document: &mut Document, selected: &[Selected]) {
    for &id in &nodes(selected) {
        match &document.node(id).kind {
            Kind::Element(..) | Kind::Comment(_) | Kind::CData(_) | Kind::Text(_) => {
                document.detach(id);
            }
            _ => {}
        }
    }
    take_attributes(document, selected);
}

fn nodes(selected: &[Selected]) -> Vec<Id> {
    let nodes = selected.iter().filter_map(|selected| match selected {
        Selected::Node(id) => Some(*id),
        Selected::Attribute(..) => None,
    });
    nodes.collect()
}

/// Takes out the attributes that are selected, with the elements that they were of.
fn take_attributes(document: &mut Document, selected: &[Selected]) -> Vec<(Id, String, String)> {
    let mut places: Vec<(Id, usize)> = selected
        .iter()
        .filter_map(|selected| match selected {
            Selected::Attribute(id, index) => Some((*id, *index)),
            Selected::Node(_) => None,
        })
        .collect();
    places.sort_unstable();
    let mut taken = Vec::with_capacity(places.len());
    // From the back, so that the places of the others stay.
    for (id, index) in places.into_iter().rev() {
        if let Kind::Element(_, attributes) = &mut document.node_mut(id).kind {
            let (name, value) = attributes.remove(index);
            taken.push((id, name, value));
        }
    }
    taken.reverse();
    taken
}

fn raised(document: &mut Document, selected: &[Selected]) {
    for (id, name, value) in take_attributes(document, selected) {
        let element = document.add(id, Kind::Element(name, Vec::new()));
        document.add(element, Kind::Text(value));
    }
}

fn inserted(document: &mut Document, selected: &[Selected], part: &Document) -> Result<(), Error> {
    for &selected in selected {
        let into = match selected {
            Selected::Node(id) => match document.node(id).kind {
                Kind::Element(..) | Kind::Document => Some(id),
                _ => None,
            },
            Selected::Attribute(..) => None,
        };
        let into = into.ok_or_else(|| Error::new("InsertXML XPath selected non-element"))?;
        document.graft(into, part, DOCUMENT);
    }
    Ok(())
}

/// Puts texts that stand beside others into elements of their own, here and below.
fn wrap(document: &mut Document, id: Id, name: &str) {
    let children = document.node(id).children.clone();
    let mut texts = 0;
    let mut elements = 0;
    for &child in &children {
        match document.node(child).kind {
            Kind::Element(..) => {
                wrap(document, child, name);
                elements += 1;
            }
            Kind::Text(_) => texts += 1,
            _ => {}
        }
    }
    if texts == 0 || texts + elements <= 1 {
        return;
    }
    for child in children {
        if let Kind::Text(text) = &document.node(child).kind {
            let text = text.clone();
            document.node_mut(child).kind = Kind::Element(name.to_owned(), Vec::new());
            document.add(child, Kind::Text(text));
        }
    }
}
