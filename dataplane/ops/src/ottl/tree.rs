//! A text taken apart, before names mean anything.

/// `editor(...) where condition`.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub editor: Call,
    pub condition: Option<Condition>,
}

/// A condition; `and` binds tighter than `or`.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Constant(bool),
    Call(Call),
    Compare(Box<Written>, Comparison, Box<Written>),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A value as written, and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub offset: usize,
    pub form: Form,
}

#[derive(Debug, Clone)]
pub(super) enum Form {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A word in capitals: an enum, or the name of a function.
    Symbol(String),
    /// The name of a converter without arguments; only arguments may be that.
    FunctionName(String),
    Path(Path),
    Call(Call),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
    Math(Box<Written>, Operator, Box<Written>),
    Negate(Box<Written>),
    /// A value with a plus before it or parentheses around it: no literal to those who need one.
    Group(Box<Written>),
}

#[derive(Debug, Clone)]
pub(super) struct Path {
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub name: String,
    pub keys: Vec<Key>,
}

#[derive(Debug, Clone)]
pub(super) enum Key {
    Text(String),
    Int(i64),
    Computed(Written),
}

/// A function with its arguments; converters may be indexed.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub offset: usize,
    pub name: String,
    pub arguments: Vec<Argument>,
    pub keys: Vec<Key>,
}

#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub name: Option<String>,
    pub value: Written,
}
