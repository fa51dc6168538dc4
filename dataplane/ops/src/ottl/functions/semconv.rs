//! `set_semconv_span_name`: the name that the semantic conventions give a span.

use super::call::{ItemEdit, Literals};
use super::{Body, Definition, Set, optional, parameter};
use crate::ottl::coerce::Kind;
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::path::{Field, Owner, Path};
use crate::ottl::text::attribute_text;
use crate::ottl::value::Value;

pub(super) const TABLE: &[Definition] = &[Definition {
    name: "set_semconv_span_name",
    parameters: &[
        parameter("semconv_version", Kind::LiteralText),
        optional("original_span_name_attribute", Kind::LiteralText),
    ],
    body: Body::Item(SpanName::prepare),
    contexts: &[Owner::Span],
    set: Set::Transform,
}];

#[derive(Debug)]
struct SpanName {
    /// Where the name that was replaced is kept.
    original: Option<String>,
}

const NAME: Path = Path {
    owner: Owner::Span,
    field: Field::Name,
};
const KIND: Path = Path {
    owner: Owner::Span,
    field: Field::Kind,
};
const ATTRIBUTES: Path = Path {
    owner: Owner::Span,
    field: Field::Attributes,
};

impl SpanName {
    fn prepare(literals: &Literals) -> Result<Box<dyn ItemEdit>, String> {
        let version = literals.text(0).unwrap_or_default();
        let parts: Option<Vec<u32>> = version
            .trim_start_matches('v')
            .split('.')
            .map(|part| part.parse().ok())
            .collect();
        let parts = parts.ok_or_else(|| format!("failed to parse semconv version {version:?}"))?;
        let known = match parts[..] {
            [1, minor] => (37..=40).contains(&minor),
            [1, minor, patch] => (37..40).contains(&minor) || (minor == 40 && patch == 0),
            _ => false,
        };
        if !known {
            return Err(format!(
                "unsupported semconv version {version:?}: must be between 1.37.0 and 1.40.0"
            ));
        }
        let original = literals.text(1).map(str::to_owned);
        if original.as_deref() == Some("") {
            return Err("originalSpanNameAttribute cannot be an empty string".to_owned());
        }
        Ok(Box::new(SpanName { original }))
    }
}

impl ItemEdit for SpanName {
    fn run(&self, context: &mut dyn Context) -> Result<(), Error> {
        let old = context.get(NAME)?.into_owned();
        let Some(new) = Reader(&*context).name()? else {
            return Ok(());
        };
        let new = Value::text(new);
        if let (Value::Text(old), Value::Text(new)) = (&old, &new)
            && old == new
        {
            return Ok(());
        }
        context.set(NAME, &new)?;
        match &self.original {
            Some(key) => context.set_entry(ATTRIBUTES, key, &old),
            None => Ok(()),
        }
    }
}

/// Reads attributes of the span.
struct Reader<'c>(&'c dyn Context);

type Found = Result<Option<String>, Error>;

impl Reader<'_> {
    fn name(&self) -> Found {
        let kind = match self.0.get(KIND)? {
            Value::Int(kind) => kind,
            _ => 0,
        };
        type Rule = fn(&Reader<'_>) -> Found;
        let rules: &[Rule] = match kind {
            2 => &[|r| r.http("http.route"), |r| r.rpc(), |r| r.messaging()],
            3 => &[
                |r| r.http("url.template"),
                |r| r.rpc(),
                |r| r.database(),
                |r| r.messaging(),
            ],
            4 | 5 => &[|r| r.messaging()],
            _ => &[],
        };
        for rule in rules {
            if let Some(name) = rule(self)?.filter(|name| !name.is_empty()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn text(&self, key: &str) -> Found {
        let value = self.0.get_entry(ATTRIBUTES, key)?;
        Ok((!value.is_nil()).then(|| attribute_text(&value).into_owned()))
    }

    fn either(&self, key: &str, old: &str) -> Found {
        match self.text(key)? {
            Some(text) => Ok(Some(text)),
            None => self.text(old),
        }
    }

    fn is_true(&self, key: &str) -> Result<bool, Error> {
        let value = self.0.get_entry(ATTRIBUTES, key)?;
        Ok(matches!(value, Value::Bool(true)))
    }

    fn http(&self, subject: &str) -> Found {
        let Some(method) = self.either("http.request.method", "http.method")? else {
            return Ok(None);
        };
        Ok(Some(match self.text(subject)? {
            Some(subject) => format!("{method} {subject}"),
            None => method,
        }))
    }

    fn rpc(&self) -> Found {
        let Some(system) = self.either("rpc.system.name", "rpc.system")? else {
            return Ok(None);
        };
        let method = self.either("rpc.method", "rpc.grpc.method")?;
        let service = self.either("rpc.service", "rpc.grpc.service")?;
        Ok(Some(match (service, method) {
            (Some(service), Some(method)) => format!("{service}/{method}"),
            (None, Some(method)) => method,
            (Some(service), None) => format!("{service}/*"),
            (None, None) => system,
        }))
    }

    fn database(&self) -> Found {
        let Some(system) = self.either("db.system.name", "db.system")? else {
            return Ok(None);
        };
        if let Some(summary) = self.text("db.query.summary")? {
            return Ok(Some(summary));
        }
        let operation = self
            .either("db.operation.name", "db.operation")?
            .unwrap_or_default();
        let target = self.database_target()?;
        Ok(Some(match (&*operation, &*target) {
            ("", "") => system,
            ("", _) => target,
            (_, "") => operation,
            (operation, target) => format!("{operation} {target}"),
        }))
    }

    fn database_target(&self) -> Result<String, Error> {
        let namespace = self.either("db.namespace", "db.name")?.unwrap_or_default();
        for key in ["db.collection.name", "db.stored_procedure.name"] {
            if let Some(name) = self.text(key)? {
                return Ok(match &*namespace {
                    "" => name,
                    namespace => format!("{namespace}.{name}"),
                });
            }
        }
        match namespace.is_empty() {
            false => Ok(namespace),
            true => Ok(self.server()?.unwrap_or_default()),
        }
    }

    fn messaging(&self) -> Found {
        let Some(system) = self.text("messaging.system")? else {
            return Ok(None);
        };
        let operation = self.either("messaging.operation.name", "messaging.operation")?;
        let destination = self.destination()?.filter(|name| !name.is_empty());
        Ok(Some(match (operation, destination) {
            (Some(operation), Some(destination)) => format!("{operation} {destination}"),
            (None, Some(destination)) => destination,
            (Some(operation), None) => operation,
            (None, None) => system,
        }))
    }

    fn destination(&self) -> Found {
        if self.is_true("messaging.destination.temporary")? {
            return Ok(Some("(temporary)".to_owned()));
        }
        if self.is_true("messaging.destination.anonymous")? {
            return Ok(Some("(anonymous)".to_owned()));
        }
        if let Some(template) = self.text("messaging.destination.template")? {
            return Ok(Some(template));
        }
        match self.either("messaging.destination.name", "messaging.destination")? {
            Some(name) => Ok(Some(name)),
            None => self.server(),
        }
    }

    fn server(&self) -> Found {
        let Some(address) = self.text("server.address")? else {
            return Ok(None);
        };
        Ok(Some(match self.text("server.port")? {
            Some(port) => format!("{address}:{port}"),
            None => address,
        }))
    }
}
