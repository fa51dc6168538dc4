//! An item of a batch with what it is in, as statements see it.

use std::borrow::Cow;

use batch::otlp::{Attributes, Lazy, LogRecord, Metric, Resource, Scope, Span, Text};

use super::{convert, edit, exemplar, log, metric, origin, point, span};
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::functions::MetricEdit;
use crate::ottl::path::{Field, Owner, Path};
use crate::ottl::time::Time;
use crate::ottl::value::{Map, Value};

/// What this crate is not to know by itself.
pub trait Environment {
    fn now(&self) -> Time;

    /// Random bits.
    fn random(&self) -> u128;
}

/// The resource of an item.
pub(super) struct Origin<'t, 'a> {
    pub resource: &'t mut Lazy<'a, Resource<'a>>,
    pub schema_url: &'t mut Text<'a>,
}

/// The scope of an item.
pub(super) struct Library<'t, 'a> {
    pub scope: &'t mut Lazy<'a, Scope<'a>>,
    pub schema_url: &'t mut Text<'a>,
}

/// What a statement is run on.
pub(super) enum Subject<'t, 'a> {
    Resource,
    Scope,
    Span(&'t mut Lazy<'a, Span<'a>>),
    /// An event of a span, by its place.
    SpanEvent(&'t mut Lazy<'a, Span<'a>>, usize),
    Metric(Metrics<'t, 'a>),
    /// A data point of a metric, by its place.
    DataPoint(Metrics<'t, 'a>, usize),
    /// An exemplar of a data point, by their places.
    Exemplar(Metrics<'t, 'a>, usize, usize),
    Log(&'t mut Lazy<'a, LogRecord<'a>>),
}

/// A metric, and those that statements make beside it.
pub(super) struct Metrics<'t, 'a> {
    pub metric: &'t mut Lazy<'a, Metric<'a>>,
    pub made: &'t mut Vec<Lazy<'a, Metric<'a>>>,
}

/// An item in its place.
pub(super) struct Item<'t, 'a> {
    pub origin: Origin<'t, 'a>,
    pub library: Option<Library<'t, 'a>>,
    pub subject: Subject<'t, 'a>,
    /// What statements keep for the next ones of their group.
    pub cache: Map,
    pub environment: &'t dyn Environment,
}

/// A field that an item should have by its context.
fn missing(path: Path) -> Error {
    Error::new(format!("there is no {} here", path.owner.name()))
}

impl<'a> Item<'_, 'a> {
    fn attributes(&self, path: Path) -> Result<&Attributes<'a>, Error> {
        let found = match (path.owner, &self.subject) {
            (Owner::Resource, _) => Some(&self.origin.resource.get().attributes),
            (Owner::Scope, _) => self.library.as_ref().map(|it| &it.scope.get().attributes),
            (Owner::Span, Subject::Span(span) | Subject::SpanEvent(span, _)) => {
                Some(&span.get().attributes)
            }
            (Owner::SpanEvent, Subject::SpanEvent(span, at)) => span
                .get()
                .events
                .get(*at)
                .map(|event| &event.get().attributes),
            (Owner::Metric, subject) => subject.metric().map(|metric| &metric.get().metadata),
            (Owner::DataPoint, Subject::DataPoint(it, at) | Subject::Exemplar(it, at, _)) => {
                point::attributes(it.metric.get(), *at)
            }
            (Owner::Exemplar, Subject::Exemplar(it, at, index)) => {
                point::exemplars(it.metric.get(), *at)
                    .and_then(|list| list.get(*index))
                    .map(|exemplar| &exemplar.get().filtered_attributes)
            }
            (Owner::Log, Subject::Log(record)) => Some(&record.get().attributes),
            _ => None,
        };
        found.ok_or_else(|| missing(path))
    }

    fn attributes_mut(&mut self, path: Path) -> Result<&mut Attributes<'a>, Error> {
        let found = match (path.owner, &mut self.subject) {
            (Owner::Resource, _) => Some(&mut self.origin.resource.get_mut().attributes),
            (Owner::Scope, _) => {
                let library = self.library.as_mut();
                library.map(|it| &mut it.scope.get_mut().attributes)
            }
            (Owner::Span, Subject::Span(span) | Subject::SpanEvent(span, _)) => {
                Some(&mut span.get_mut().attributes)
            }
            (Owner::SpanEvent, Subject::SpanEvent(span, at)) => {
                let event = span.get_mut().events.get_mut(*at);
                event.map(|event| &mut event.get_mut().attributes)
            }
            (Owner::Metric, subject) => subject
                .metric_mut()
                .map(|metric| &mut metric.get_mut().metadata),
            (Owner::DataPoint, Subject::DataPoint(it, at) | Subject::Exemplar(it, at, _)) => {
                point::attributes_mut(it.metric.get_mut(), *at)
            }
            (Owner::Exemplar, Subject::Exemplar(it, at, index)) => {
                point::exemplars_mut(it.metric.get_mut(), *at)
                    .and_then(|list| list.get_mut(*index))
                    .map(|exemplar| &mut exemplar.get_mut().filtered_attributes)
            }
            (Owner::Log, Subject::Log(record)) => Some(&mut record.get_mut().attributes),
            _ => None,
        };
        found.ok_or_else(|| missing(path))
    }

    fn is_attributes(path: Path) -> bool {
        matches!(
            path.field,
            Field::Attributes | Field::Metadata | Field::FilteredAttributes
        )
    }
}

impl<'a> Subject<'_, 'a> {
    fn metric(&self) -> Option<&Lazy<'a, Metric<'a>>> {
        match self {
            Subject::Metric(it) | Subject::DataPoint(it, _) | Subject::Exemplar(it, ..) => {
                Some(it.metric)
            }
            _ => None,
        }
    }

    fn metric_mut(&mut self) -> Option<&mut Lazy<'a, Metric<'a>>> {
        match self {
            Subject::Metric(it) | Subject::DataPoint(it, _) | Subject::Exemplar(it, ..) => {
                Some(it.metric)
            }
            _ => None,
        }
    }
}

impl Context for Item<'_, '_> {
    fn get(&self, path: Path) -> Result<Value<'_>, Error> {
        if path.field == Field::Cache {
            return Ok(Value::Map(Cow::Borrowed(&self.cache)));
        }
        if Self::is_attributes(path) {
            return Ok(convert::from_attributes(self.attributes(path)?));
        }
        match (path.owner, &self.subject) {
            (Owner::Resource, _) => Ok(origin::get_resource(&self.origin, path.field)),
            (Owner::Scope, _) => match &self.library {
                Some(library) => Ok(origin::get_scope(library, path.field)),
                None => Err(missing(path)),
            },
            (Owner::Span, Subject::Span(span) | Subject::SpanEvent(span, _)) => {
                Ok(span::get(span.get(), path.field))
            }
            (Owner::SpanEvent, Subject::SpanEvent(span, at)) => {
                Ok(span::get_event(span.get(), *at, path.field))
            }
            (Owner::Metric, subject) => match subject.metric() {
                Some(metric) => Ok(metric::get(metric.get(), path.field)),
                None => Err(missing(path)),
            },
            (Owner::DataPoint, Subject::DataPoint(it, at) | Subject::Exemplar(it, at, _)) => {
                Ok(point::get(it.metric.get(), *at, path.field))
            }
            (Owner::Exemplar, Subject::Exemplar(it, at, index)) => {
                let list = point::exemplars(it.metric.get(), *at);
                let exemplar = list.and_then(|list| list.get(*index));
                Ok(exemplar.map_or(Value::Nil, |exemplar| {
                    exemplar::get(exemplar.get(), path.field)
                }))
            }
            (Owner::Log, Subject::Log(record)) => Ok(log::get(record.get(), path.field)),
            // The request that brought a batch is not kept with it.
            (Owner::Collector, _) => Ok(match path.field {
                Field::ClientAddress => Value::text(""),
                _ => Value::map(Map::new()),
            }),
            _ => Err(missing(path)),
        }
    }

    fn get_entry(&self, path: Path, key: &str) -> Result<Value<'_>, Error> {
        if path.field == Field::Cache {
            return Ok(self.cache.get(key).map_or(Value::Nil, Value::borrowed));
        }
        if path.owner == Owner::Collector {
            return Ok(Value::Nil);
        }
        Ok(convert::attribute(self.attributes(path)?, key))
    }

    fn set(&mut self, path: Path, value: &Value<'_>) -> Result<(), Error> {
        if path.field == Field::Cache {
            return match value {
                Value::Map(map) => {
                    self.cache = map.clone().into_owned();
                    Ok(())
                }
                other => Err(Error::expected("map", other.type_name())),
            };
        }
        if Self::is_attributes(path) {
            return convert::set_attributes(self.attributes_mut(path)?, value);
        }
        let field = path.field;
        match (path.owner, &mut self.subject) {
            (Owner::Resource, _) => origin::set_resource(&mut self.origin, field, value),
            (Owner::Scope, _) => match &mut self.library {
                Some(library) => origin::set_scope(library, field, value),
                None => Err(missing(path)),
            },
            (Owner::Span, Subject::Span(span) | Subject::SpanEvent(span, _)) => {
                span::set(span.get_mut(), field, value)
            }
            (Owner::SpanEvent, Subject::SpanEvent(span, at)) => {
                span::set_event(span.get_mut(), *at, field, value)
            }
            (Owner::Metric, subject) => match subject.metric_mut() {
                Some(metric) => metric::set(metric.get_mut(), field, value),
                None => Err(missing(path)),
            },
            (Owner::DataPoint, Subject::DataPoint(it, at) | Subject::Exemplar(it, at, _)) => {
                point::set(it.metric.get_mut(), *at, field, value)
            }
            (Owner::Exemplar, Subject::Exemplar(it, at, index)) => {
                let list = point::exemplars_mut(it.metric.get_mut(), *at);
                match list.and_then(|list| list.get_mut(*index)) {
                    Some(exemplar) => exemplar::set(exemplar.get_mut(), field, value),
                    None => Err(missing(path)),
                }
            }
            (Owner::Log, Subject::Log(record)) => log::set(record.get_mut(), field, value),
            (Owner::Collector, _) => Err(Error::new("this path cannot be set")),
            _ => Err(missing(path)),
        }
    }

    fn set_entry(&mut self, path: Path, key: &str, value: &Value<'_>) -> Result<(), Error> {
        if path.field == Field::Cache {
            // What a cache holds must be what an attribute can hold.
            let any = convert::to_any(value)?;
            self.cache.set(key, convert::from_any(&any).into_owned());
            return Ok(());
        }
        if path.owner == Owner::Collector {
            return Err(Error::new("this path cannot be set"));
        }
        convert::set_attribute(self.attributes_mut(path)?, key, value)
    }

    fn retain_entries(
        &mut self,
        path: Path,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(), Error> {
        if path.field == Field::Cache {
            self.cache.retain(keep);
            return Ok(());
        }
        if !Self::is_attributes(path) {
            let value = self.get(path)?.into_owned();
            let Value::Map(map) = value else {
                return Err(Error::expected("map", value.type_name()));
            };
            let mut map = map.into_owned();
            map.retain(keep);
            return self.set(path, &Value::map(map));
        }
        // Asked first, so that an item from which nothing is taken stays as it is.
        let all = self
            .attributes(path)?
            .iter()
            .all(|attribute| keep(&attribute.key.to_str()));
        if !all {
            let attributes = self.attributes_mut(path)?;
            attributes.retain(|attribute| keep(&attribute.key.to_str()));
        }
        Ok(())
    }

    fn now(&self) -> Time {
        self.environment.now()
    }

    fn random(&self) -> u128 {
        self.environment.random()
    }

    fn edit_metric(&mut self, edit: &MetricEdit, values: &[Value<'static>]) -> Result<(), Error> {
        let environment = self.environment;
        match &mut self.subject {
            Subject::Metric(it) => edit::metric(it, edit, values, &|| environment.random()),
            Subject::DataPoint(it, at) => edit::point(it, *at, edit, values),
            _ => Err(Error::new("there is no metric here")),
        }
    }

    fn has_point_attribute(&self, key: &str, text: Option<&str>) -> bool {
        let metric = match self.subject.metric() {
            Some(metric) => metric.get(),
            None => return false,
        };
        let points = 0..metric.data.points();
        points.into_iter().any(|at| {
            let attributes = point::attributes(metric, at);
            let value = attributes.and_then(|attributes| attributes.get(key));
            value.is_some_and(|value| match text {
                None => true,
                Some(text) => {
                    matches!(value, batch::otlp::AnyValue::String(found) if *found == *text)
                }
            })
        })
    }
}
