//! Runs a template.

use std::collections::BTreeMap;

use stdx::Rng;

use super::parse::{self, Command, Node, Operand, Pipe, Tree};
use super::print;
use super::value::Val;

/// A template, parsed.
#[derive(Debug, Clone)]
pub struct Template {
    tree: Tree,
}

/// What functions need of the world, given in.
#[derive(Debug)]
pub struct Environment {
    /// Nanoseconds since 1970.
    pub now_ns: i64,
    pub(super) rng: Rng,
}

impl Environment {
    #[must_use]
    pub fn new(seed: u64) -> Environment {
        Environment {
            now_ns: 0,
            rng: Rng::new(seed),
        }
    }
}

/// Limit: nodes and calls that one run may take, so that a template cannot stop a shard.
const STEPS_MAX: u32 = 100_000;

/// Limit: bytes that one run may write.
const OUT_BYTES_MAX: usize = 16 << 20;

/// Limit: templates that call each other.
const CALLS_MAX: usize = 64;

impl Template {
    /// The error says what is wrong and in which line.
    pub fn parse(text: &str) -> Result<Template, String> {
        parse::parse(text).map(|tree| Template { tree })
    }

    /// Appends what the template writes. `data` finds a value by its name, `names` lists all
    /// names, for templates that go over them. On an error `out` holds what was written so far.
    pub fn write(
        &self,
        data: &dyn Fn(&str) -> Option<Val>,
        names: &dyn Fn() -> Vec<String>,
        environment: &mut Environment,
        out: &mut String,
    ) -> Result<(), String> {
        let mut run = Run {
            tree: &self.tree,
            data,
            names,
            environment,
            variables: vec![("$".to_owned(), Val::Data)],
            out,
            steps: 0,
            calls: 0,
        };
        run.list(&self.tree.root, &Val::Data).map(drop)
    }
}

/// Whether a list of nodes was left early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    No,
    Break,
    Continue,
}

struct Run<'a> {
    tree: &'a Tree,
    data: &'a dyn Fn(&str) -> Option<Val>,
    names: &'a dyn Fn() -> Vec<String>,
    environment: &'a mut Environment,
    variables: Vec<(String, Val)>,
    out: &'a mut String,
    steps: u32,
    calls: usize,
}

impl Run<'_> {
    fn list(&mut self, nodes: &[Node], dot: &Val) -> Result<Leave, String> {
        for node in nodes {
            match self.node(node, dot)? {
                Leave::No => {}
                leave => return Ok(leave),
            }
        }
        Ok(Leave::No)
    }

    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.out.len() > OUT_BYTES_MAX {
            return Err("the template takes too long".to_owned());
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Val) -> Result<Leave, String> {
        self.step()?;
        let known = self.variables.len();
        let left = match node {
            Node::Text(text) => {
                self.out.push_str(text);
                Leave::No
            }
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    let value = self.plain(value);
                    print::write_value(&value, self.out);
                }
                // A variable lives on to the end of the block.
                return Ok(Leave::No);
            }
            Node::If {
                pipe,
                then,
                otherwise,
            } => {
                let holds = self.pipe(pipe, dot)?.is_true();
                self.list(if holds { then } else { otherwise }, dot)?
            }
            Node::With {
                pipe,
                then,
                otherwise,
            } => {
                let value = self.pipe(pipe, dot)?;
                match value.is_true() {
                    true => self.list(then, &value)?,
                    false => self.list(otherwise, dot)?,
                }
            }
            Node::Range {
                pipe,
                each,
                otherwise,
            } => self.range(pipe, each, otherwise, dot)?,
            Node::Template { name, pipe } => {
                let value = match pipe {
                    Some(pipe) => self.pipe(pipe, dot)?,
                    None => Val::Nil,
                };
                self.template(name, value)?;
                Leave::No
            }
            Node::Break => Leave::Break,
            Node::Continue => Leave::Continue,
        };
        self.variables.truncate(known);
        Ok(left)
    }

    fn template(&mut self, name: &str, dot: Val) -> Result<(), String> {
        let tree = self.tree;
        let found = tree.defined.iter().rfind(|(own, _)| own == name);
        let (_, nodes) = found.ok_or_else(|| format!("template {name:?} not defined"))?;
        self.calls += 1;
        if self.calls > CALLS_MAX {
            return Err("exceeded maximum template depth".to_owned());
        }
        let own = vec![("$".to_owned(), dot.clone())];
        let outer = std::mem::replace(&mut self.variables, own);
        self.list(nodes, &dot)?;
        self.variables = outer;
        self.calls -= 1;
        Ok(())
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        each: &[Node],
        otherwise: &[Node],
        dot: &Val,
    ) -> Result<Leave, String> {
        let over = self.commands(&pipe.commands, dot)?;
        let pairs: Vec<(Val, Val)> = match self.plain(over) {
            Val::Nil => Vec::new(),
            Val::List(values) => {
                let numbered = values.iter().cloned().enumerate();
                numbered
                    .map(|(at, value)| (Val::Int(at as i64), value))
                    .collect()
            }
            Val::Map(fields) => {
                let fields = fields.borrow();
                let pair = |(name, value): (&String, &Val)| (Val::text(name), value.clone());
                fields.iter().map(pair).collect()
            }
            Val::Int(count) | Val::Int64(count) => {
                let count = count.clamp(0, i64::from(STEPS_MAX) + 1);
                (0..count).map(|at| (Val::Int(at), Val::Int(at))).collect()
            }
            other => return Err(format!("range can't iterate over a {}", other.type_name())),
        };
        if pairs.is_empty() {
            return self.list(otherwise, dot);
        }
        let known = self.variables.len();
        for (key, value) in pairs {
            match (pipe.variables.as_slice(), pipe.declares) {
                ([], _) => {}
                ([one], _) => self.assign(one, value.clone(), pipe.declares),
                ([first, second, ..], _) => {
                    self.assign(first, key, pipe.declares);
                    self.assign(second, value.clone(), pipe.declares);
                }
            }
            let left = self.list(each, &value)?;
            self.variables.truncate(known);
            if left == Leave::Break {
                break;
            }
        }
        Ok(Leave::No)
    }

    fn assign(&mut self, name: &str, value: Val, declares: bool) {
        if declares {
            self.variables.push((name.to_owned(), value));
            return;
        }
        let known = self.variables.iter_mut().rfind(|(own, _)| own == name);
        if let Some((_, own)) = known {
            *own = value;
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Val) -> Result<Val, String> {
        let value = self.commands(&pipe.commands, dot)?;
        for name in &pipe.variables {
            self.assign(name, value.clone(), pipe.declares);
        }
        Ok(value)
    }

    fn commands(&mut self, commands: &[Command], dot: &Val) -> Result<Val, String> {
        let mut last = None;
        for command in commands {
            last = Some(self.command(command, dot, last)?);
        }
        last.ok_or_else(|| "an empty pipeline".to_owned())
    }

    fn command(&mut self, command: &Command, dot: &Val, last: Option<Val>) -> Result<Val, String> {
        self.step()?;
        let (first, arguments) = command
            .operands
            .split_first()
            .ok_or_else(|| "an empty command".to_owned())?;
        let Operand::Function(name, function) = first else {
            let value = self.operand(first, dot)?;
            return match arguments.is_empty() && last.is_none() {
                true => Ok(value),
                false => Err("can't give argument to non-function".to_owned()),
            };
        };
        // These two do not look at what they do not need.
        if let "and" | "or" = *name {
            return self.shortcut(*name == "and", arguments, dot, last);
        }
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            let value = self.operand(argument, dot)?;
            values.push(self.plain(value));
        }
        if let Some(last) = last {
            values.push(self.plain(last));
        }
        function(&mut super::functions::Call {
            values,
            environment: self.environment,
        })
        .map_err(|error| format!("error calling {name}: {error}"))
    }

    fn shortcut(
        &mut self,
        all: bool,
        arguments: &[Operand],
        dot: &Val,
        last: Option<Val>,
    ) -> Result<Val, String> {
        let mut value = None;
        for argument in arguments {
            let own = self.operand(argument, dot)?;
            if own.is_true() != all {
                return Ok(own);
            }
            value = Some(own);
        }
        let value = last.or(value);
        value.ok_or_else(|| "wrong number of args: want at least 1, got 0".to_owned())
    }

    fn operand(&mut self, operand: &Operand, dot: &Val) -> Result<Val, String> {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Val::Nil),
            Operand::Value(value) => Ok(value.clone()),
            Operand::Field(fields) => self.fields(dot.clone(), fields),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rfind(|(own, _)| own == name);
                let value = known.map(|(_, value)| value.clone());
                let value = value.ok_or_else(|| format!("undefined variable: {name}"))?;
                self.fields(value, fields)
            }
            Operand::Function(..) => {
                let command = Command {
                    operands: vec![operand.clone()],
                };
                self.command(&command, dot, None)
            }
            Operand::Inner(pipe, fields) => {
                let value = self.pipe(pipe, dot)?;
                self.fields(value, fields)
            }
        }
    }

    fn fields(&mut self, value: Val, fields: &[String]) -> Result<Val, String> {
        let mut value = value;
        for field in fields {
            value = match &value {
                Val::Data => (self.data)(field).unwrap_or(Val::Nil),
                Val::Map(map) => map.borrow().get(field).cloned().unwrap_or(Val::Nil),
                Val::Nil => return Err(format!("nil data; no entry for key {field:?}")),
                Val::Time(ns, _) if field == "Unix" => Val::Int64(ns.div_euclid(1_000_000_000)),
                Val::Time(ns, _) if field == "UnixNano" => Val::Int64(*ns),
                other => {
                    let name = other.type_name();
                    return Err(format!("can't evaluate field {field} in type {name}"));
                }
            };
        }
        Ok(value)
    }

    /// All data as a map, for functions and loops.
    fn plain(&self, value: Val) -> Val {
        let Val::Data = value else {
            return value;
        };
        let mut fields = BTreeMap::new();
        for name in (self.names)() {
            if let Some(value) = (self.data)(&name) {
                fields.insert(name, value);
            }
        }
        Val::map(fields)
    }
}
