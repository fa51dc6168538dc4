//! Tree to program: names are looked up, arguments bound, literals folded, mistakes reported with
//! their place.

use super::bind::{fold_list, fold_map, places};
use super::coerce::{self, Kind};
use super::error::{Error, SyntaxError};
use super::functions::{self, Body, Definition, Editor, Function, Literals, Replacement, Set};
use super::math;
use super::path::{Keys, Owner, Path};
use super::program::{
    Argument, Call, Condition, Expression, Key, Reference, Statement, Test, ValueExpression,
};
use super::tree::{self, Form, Written};
use super::value::Value;
use super::{infer, parse};

type Compiled<T> = Result<T, SyntaxError>;

/// What statements are compiled for: the context of their items, and the component they are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub context: Owner,
    pub set: Set,
    /// Whether every path must name its context.
    pub prefixed: bool,
}

impl Dialect {
    pub fn statement(self, text: &str) -> Compiled<Statement> {
        let tree = parse::statement(text)?;
        let editor = self.editor(&tree.editor)?;
        let test = match &tree.condition {
            Some(condition) => self.test(condition)?,
            None => Test::Constant(true),
        };
        let text = text.to_owned();
        Ok(Statement { text, editor, test })
    }

    pub fn condition(self, text: &str) -> Compiled<Condition> {
        let test = self.test(&parse::condition(text)?)?;
        let text = text.to_owned();
        Ok(Condition { text, test })
    }

    pub fn value(self, text: &str) -> Compiled<ValueExpression> {
        let expression = self.expression(&parse::value(text)?)?;
        let text = text.to_owned();
        Ok(ValueExpression { text, expression })
    }

    fn editor(self, call: &tree::Call) -> Compiled<Editor> {
        let definition = self.find(call)?;
        if !definition.body.is_editor() {
            let message = format!("undefined function {:?}", call.name);
            return Err(SyntaxError::new(call.offset, message));
        }
        let bound = self.bind(definition, call)?;
        let create = |message: String| {
            let message = format!("couldn't create function: {message}");
            SyntaxError::new(call.offset, message)
        };
        let target =
            |target: Option<Reference>| target.ok_or_else(|| create("needs a path".to_owned()));
        Ok(match &definition.body {
            Body::Set => {
                let mut arguments = bound.arguments;
                let value = arguments[1].expression.take();
                let value = value.ok_or_else(|| create("needs a value".to_owned()))?;
                let target = target(bound.target)?;
                Editor::Set { target, value }
            }
            Body::Edit(prepare) => Editor::Edit {
                edit: prepare(&bound.literals).map_err(create)?,
                kind: definition.parameters[0].kind,
                target: target(bound.target)?,
                arguments: bound.arguments,
            },
            Body::Retain(retain) => Editor::Retain {
                retain: *retain,
                pattern: retain.prepare(&bound.literals).map_err(create)?,
                target: target(bound.target)?,
                arguments: bound.arguments,
            },
            Body::Item(prepare) => Editor::Item(prepare(&bound.literals).map_err(create)?),
            Body::Metric(prepare) => {
                Editor::Metric(prepare(&bound.literals).map_err(create)?, bound.arguments)
            }
            Body::Plain(_) | Body::Prepare(_) => unreachable!("not an editor"),
        })
    }

    fn test(self, condition: &tree::Condition) -> Compiled<Test> {
        Ok(match condition {
            tree::Condition::Constant(value) => Test::Constant(*value),
            tree::Condition::Call(call) => Test::Call(Box::new(self.call(call)?)),
            tree::Condition::Compare(left, comparison, right) => {
                Test::Compare(self.expression(left)?, *comparison, self.expression(right)?)
            }
            tree::Condition::Not(inner) => Test::Not(Box::new(self.test(inner)?)),
            tree::Condition::And(terms) => {
                let tests = self.tests(terms)?;
                match tests
                    .iter()
                    .any(|test| matches!(test, Test::Constant(false)))
                {
                    true => Test::Constant(false),
                    false => Test::And(tests),
                }
            }
            tree::Condition::Or(terms) => {
                let tests = self.tests(terms)?;
                match tests
                    .iter()
                    .any(|test| matches!(test, Test::Constant(true)))
                {
                    true => Test::Constant(true),
                    false => Test::Or(tests),
                }
            }
        })
    }

    fn tests(self, terms: &[tree::Condition]) -> Compiled<Vec<Test>> {
        terms.iter().map(|term| self.test(term)).collect()
    }

    fn expression(self, written: &Written) -> Compiled<Expression> {
        let literal = |value| Ok(Expression::Literal(value));
        match &written.form {
            Form::Nil => literal(Value::Nil),
            Form::Bool(value) => literal(Value::Bool(*value)),
            Form::Int(value) => literal(Value::Int(*value)),
            Form::Float(value) => literal(Value::Float(*value)),
            Form::Text(text) => literal(Value::text(text.clone())),
            Form::Bytes(bytes) => literal(Value::Bytes(bytes.clone().into())),
            Form::Symbol(name) => literal(Value::Int(self.symbol(name, written.offset)?)),
            Form::FunctionName(name) => {
                let message = format!("unexpected name {name:?} without arguments");
                Err(SyntaxError::new(written.offset, message))
            }
            Form::Path(path) => Ok(Expression::Path(self.reference(path, written.offset)?)),
            Form::Call(call) => Ok(Expression::Call(Box::new(self.call(call)?))),
            Form::Group(inner) => self.expression(inner),
            Form::Negate(inner) => {
                let inner = self.expression(inner)?;
                match &inner {
                    Expression::Literal(value @ (Value::Int(_) | Value::Float(_))) => {
                        literal(math::negate(value).expect("a number can be negated"))
                    }
                    _ => Ok(Expression::Negate(Box::new(inner))),
                }
            }
            Form::Math(left, operator, right) => Ok(Expression::Math(
                Box::new(self.expression(left)?),
                *operator,
                Box::new(self.expression(right)?),
            )),
            Form::List(items) => {
                let items = items.iter().map(|item| self.expression(item));
                Ok(fold_list(items.collect::<Compiled<_>>()?))
            }
            Form::Map(items) => {
                let items = items
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.expression(item)?)));
                let map = fold_map(items.collect::<Compiled<_>>()?);
                if let Expression::Literal(Value::Map(map)) = &map {
                    let values = map.iter().map(|(_, value)| value);
                    let checked = values.map(coerce::check_map_value);
                    let failed = |error: Error| SyntaxError::new(written.offset, error.to_string());
                    checked.collect::<Result<(), Error>>().map_err(failed)?;
                }
                Ok(map)
            }
        }
    }

    fn symbol(self, name: &str, offset: usize) -> Compiled<i64> {
        self.context
            .symbol(name)
            .ok_or_else(|| SyntaxError::new(offset, format!("enum symbol, {name}, not found")))
    }

    fn call(self, call: &tree::Call) -> Compiled<Call> {
        let definition = self.find(call)?;
        if definition.body.is_editor() {
            let message = format!("undefined function {:?}", call.name);
            return Err(SyntaxError::new(call.offset, message));
        }
        let bound = self.bind(definition, call)?;
        Ok(Call {
            function: function(definition, &bound.literals, call.offset)?,
            arguments: bound.arguments,
            keys: self.keys(&call.keys)?,
        })
    }

    fn find(self, call: &tree::Call) -> Compiled<&'static Definition> {
        functions::find(&call.name, self.context, self.set).ok_or_else(|| {
            let message = match functions::GATED.contains(&&*call.name) {
                true => format!(
                    "function {:?} needs the feature gate ottl.functions.enableLambda, \
                     which is off",
                    call.name
                ),
                false => format!("undefined function {:?}", call.name),
            };
            SyntaxError::new(call.offset, message)
        })
    }

    fn reference(self, path: &tree::Path, offset: usize) -> Compiled<Reference> {
        let failed = |message: String| SyntaxError::new(offset, message);
        let (owner, segments) = infer::split(path, self.context);
        let owner = match owner {
            Some(owner) if self.context.reach().contains(&owner) => owner,
            Some(owner) => {
                let name = owner.name();
                let message = format!("context \"{name}\" is not valid here");
                return Err(failed(message));
            }
            None if self.prefixed => {
                let text = infer::text(segments);
                return Err(failed(format!("missing context name for path \"{text}\"")));
            }
            None => self.context,
        };
        let (field, keys) = self.field(owner, segments, offset)?;
        if owner != self.context && field == super::Field::Cache {
            let message = format!(
                "access to cache must be performed using the same context, \
                 please replace \"{0}.cache\" with \"{1}.cache\"",
                owner.name(),
                self.context.name()
            );
            return Err(failed(message));
        }
        Ok(Reference {
            path: Path { owner, field },
            keys: self.keys(keys)?,
        })
    }

    /// The field that segments name, and the keys into it.
    fn field(
        self,
        owner: Owner,
        segments: &[tree::Segment],
        offset: usize,
    ) -> Compiled<(super::Field, &[tree::Key])> {
        let names: Vec<&str> = segments.iter().map(|segment| &*segment.name).collect();
        let name = names.join(".");
        let failed = |message: String| SyntaxError::new(offset, message);
        let row = owner.rows().iter().find(|(other, ..)| *other == name);
        let Some((_, field, allowed)) = row else {
            let near = stdx::nearest(&name, owner.rows().iter().map(|(name, ..)| *name));
            let hint = near.map_or(String::new(), |near| format!("; did you mean {near:?}?"));
            return Err(failed(format!(
                "segment {name:?} from path {:?} is not a valid path nor a valid OTTL keyword \
                 for the {} context{hint}",
                infer::text(segments),
                owner.name()
            )));
        };
        let (last, before) = segments.split_last().expect("a path has a segment");
        let indexed_before = before.iter().any(|segment| !segment.keys.is_empty());
        let valid = match allowed {
            Keys::None => last.keys.is_empty(),
            Keys::Many => true,
            Keys::One => last.keys.len() <= 1,
        };
        if !valid || indexed_before {
            return Err(failed(format!(
                "the keys indexing {name:?} were not used by the context - this likely means \
                 you are trying to index a path that does not support indexing"
            )));
        }
        Ok((*field, &last.keys))
    }

    fn keys(self, keys: &[tree::Key]) -> Compiled<Vec<Key>> {
        let keys = keys.iter().map(|key| {
            Ok(match key {
                tree::Key::Text(text) => Key::Text(text.clone()),
                tree::Key::Int(index) => Key::Index(*index),
                tree::Key::Computed(written) => Key::Computed(self.expression(written)?),
            })
        });
        keys.collect()
    }

    fn bind(self, definition: &'static Definition, call: &tree::Call) -> Compiled<Bound> {
        let parameters = definition.parameters;
        let places = places(parameters, call)?;
        let mut bound = Bound {
            target: None,
            arguments: Vec::with_capacity(parameters.len()),
            literals: Literals {
                parameters,
                values: Vec::with_capacity(parameters.len()),
                given: places.iter().map(Option::is_some).collect(),
                function: std::cell::Cell::default(),
            },
        };
        for (parameter, written) in parameters.iter().zip(places) {
            let kind = parameter.kind;
            let expression = match written {
                None => None,
                Some(written) if kind == Kind::Function => {
                    let function = self.replacement(written)?;
                    bound.literals.function.set(Some(function));
                    None
                }
                Some(written) if kind.is_target() => {
                    bound.target = Some(self.target(written)?);
                    None
                }
                Some(written) => Some(self.argument(kind, written)?),
            };
            bound.literals.values.push(match &expression {
                Some(Expression::Literal(value)) => Some(value.clone()),
                _ => None,
            });
            bound.arguments.push(Argument { kind, expression });
        }
        Ok(bound)
    }

    fn target(self, written: &Written) -> Compiled<Reference> {
        match &written.form {
            Form::Path(path) => self.reference(path, written.offset),
            _ => Err(SyntaxError::new(written.offset, "must be a path")),
        }
    }

    fn argument(self, kind: Kind, written: &Written) -> Compiled<Expression> {
        let failed = |message: String| SyntaxError::new(written.offset, message);
        if let Some(item_kind) = kind.item() {
            let Form::List(items) = &written.form else {
                return Err(failed(format!("must be a {}", kind.name())));
            };
            let items = items.iter().map(|item| self.argument(item_kind, item));
            let items = items.collect::<Compiled<Vec<_>>>()?;
            if kind == Kind::FirstOf && items.is_empty() {
                return Err(failed("requires at least one value".to_owned()));
            }
            return Ok(match kind {
                Kind::FirstOf => Expression::List(items),
                _ => fold_list(items),
            });
        }
        let literal = match (kind, &written.form) {
            (Kind::LiteralText, form) => matches!(form, Form::Text(_)),
            (Kind::LiteralInt, form) => matches!(form, Form::Int(_)),
            (Kind::LiteralFloat, form) => matches!(form, Form::Float(_)),
            (Kind::LiteralBool, form) => matches!(form, Form::Bool(_)),
            _ => true,
        };
        if !literal {
            return Err(failed(format!("must be a {}", kind.name())));
        }
        match self.expression(written)? {
            // A literal of the wrong type can never become right.
            Expression::Literal(value) => match kind.coerce(value) {
                Ok(value) => Ok(Expression::Literal(value.into_owned())),
                Err(error) => Err(failed(error.to_string())),
            },
            expression => Ok(expression),
        }
    }

    fn replacement(self, written: &Written) -> Compiled<Replacement> {
        let failed = |message: String| SyntaxError::new(written.offset, message);
        let (Form::Symbol(name) | Form::FunctionName(name)) = &written.form else {
            return Err(failed("invalid function name given".to_owned()));
        };
        let definition = functions::find(name, self.context, self.set)
            .filter(|definition| !definition.body.is_editor())
            .ok_or_else(|| failed(format!("undefined function {name}")))?;
        let kind = match definition.parameters {
            [first, rest @ ..]
                if rest.iter().all(|parameter| parameter.optional)
                    && first.kind.item().is_none() =>
            {
                first.kind
            }
            // Compat: what cannot be called with one text fails on items, not here.
            _ => {
                return Ok(Replacement {
                    function: None,
                    kind: Kind::Any,
                });
            }
        };
        let literals = Literals {
            parameters: definition.parameters,
            values: vec![None; definition.parameters.len()],
            given: vec![false; definition.parameters.len()],
            function: std::cell::Cell::default(),
        };
        Ok(Replacement {
            function: Some(function(definition, &literals, written.offset)?),
            kind,
        })
    }
}

/// A call with its arguments at their places.
struct Bound {
    target: Option<Reference>,
    arguments: Vec<Argument>,
    literals: Literals,
}

fn function(
    definition: &'static Definition,
    literals: &Literals,
    offset: usize,
) -> Compiled<Function> {
    match &definition.body {
        Body::Plain(body) => Ok(Function::Plain(*body)),
        Body::Prepare(prepare) => prepare(literals)
            .map(Function::Prepared)
            .map_err(|message| {
                SyntaxError::new(offset, format!("couldn't create function: {message}"))
            }),
        _ => Err(SyntaxError::new(offset, "editors have no value")),
    }
}
