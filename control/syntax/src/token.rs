//! The kinds of token, and how each is named in messages.

/// What a token is. The tokens of a file follow each other without a gap: blanks and comments are
/// tokens too, and a terminator is empty where the line ends in a comment or the file just ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TokenKind {
    /// Spaces, tabs, carriage returns, and newlines that end no statement.
    Blank,
    LineComment,
    BlockComment,
    /// A newline that ends a statement.
    Terminator,
    /// A character that the language does not have.
    Illegal,
    Eof,
    Ident,
    Null,
    Bool,
    Number,
    Float,
    /// A string in double quotes or backticks, terminated or not.
    String,
    Or,
    And,
    Not,
    NotEqual,
    Assign,
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    LeftCurly,
    RightCurly,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Dot,
}
