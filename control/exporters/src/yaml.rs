//! Reads YAML of users into settings: strictly, a field that nobody knows is an error.

use std::sync::Arc;
use std::time::Duration;

use schema::Value;

/// A value with the path that leads to it. Scalars are texts.
#[derive(Clone)]
pub struct Node<'a> {
    value: &'a Value,
    path: Arc<str>,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value) -> Node<'a> {
        let path = "".into();
        Node { value, path }
    }

    fn child(&self, name: &str, value: &'a Value) -> Node<'a> {
        let path = if self.path.is_empty() {
            name.into()
        } else {
            format!("{}.{name}", self.path).into()
        };
        Node { value, path }
    }

    fn wrong(&self, expected: &str) -> String {
        format!("\"{}\" must be {expected}", self.path)
    }

    pub fn text(&self) -> Result<&'a str, String> {
        match self.value {
            Value::String(text) => Ok(text),
            Value::Null => Ok(""),
            _ => Err(self.wrong("a text")),
        }
    }

    pub fn number(&self) -> Result<f64, String> {
        self.text()?.parse().map_err(|_| self.wrong("a number"))
    }

    pub fn items(&self) -> Result<Vec<Node<'a>>, String> {
        match self.value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Ok(items
                    .map(|(index, it)| self.child(&index.to_string(), it))
                    .collect())
            }
            Value::Null => Ok(Vec::new()),
            _ => Err(self.wrong("a list")),
        }
    }

    pub fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, String> {
        match self.value {
            Value::Object(object) => {
                let fields = object.iter();
                Ok(fields
                    .map(|(name, it)| (&**name, self.child(name, it)))
                    .collect())
            }
            Value::Null => Ok(Vec::new()),
            _ => Err(self.wrong("a mapping of names to values")),
        }
    }
}

/// The fields of a mapping, taken one after the other.
pub struct Fields<'a> {
    rest: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Fields<'a> {
    /// Those of a section that is not there.
    pub fn empty() -> Fields<'a> {
        Fields { rest: Vec::new() }
    }

    pub fn of(node: Node<'a>) -> Result<Fields<'a>, String> {
        let rest = node.entries()?;
        Ok(Fields { rest })
    }

    pub fn has(&self, name: &str) -> bool {
        self.rest.iter().any(|(known, _)| *known == name)
    }

    pub fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.rest.iter().position(|(known, _)| *known == name)?;
        Some(self.rest.remove(at).1)
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        let node = self.take(name);
        node.map(|node| node.text().map(str::to_owned)).transpose()
    }

    pub fn number(&mut self, name: &str) -> Result<Option<f64>, String> {
        self.take(name).map(|node| node.number()).transpose()
    }

    pub fn bool(&mut self, name: &str) -> Result<Option<bool>, String> {
        let Some(node) = self.take(name) else {
            return Ok(None);
        };
        match node.text()? {
            "true" | "True" | "TRUE" | "yes" | "on" => Ok(Some(true)),
            "false" | "False" | "FALSE" | "no" | "off" => Ok(Some(false)),
            _ => Err(node.wrong("true or false")),
        }
    }

    pub fn duration(&mut self, name: &str) -> Result<Option<Duration>, String> {
        let Some(node) = self.take(name) else {
            return Ok(None);
        };
        match node.text()? {
            "0" => Ok(Some(Duration::ZERO)),
            text => match stdx::parse_duration(text) {
                Ok(duration) => Ok(Some(duration)),
                Err(_) => Err(node.wrong("a duration such as 5s")),
            },
        }
    }

    /// Texts of a list.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
        let Some(node) = self.take(name) else {
            return Ok(Vec::new());
        };
        let items = node.items()?;
        items
            .iter()
            .map(|node| node.text().map(str::to_owned))
            .collect()
    }

    /// All fields are known.
    pub fn finish(self) -> Result<(), String> {
        match self.rest.first() {
            None => Ok(()),
            Some((name, node)) => Err(format!("unknown field \"{name}\" at \"{}\"", node.path)),
        }
    }
}
