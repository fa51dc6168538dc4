//! The kinds of token, what the parser asks of them, and how each is named in messages.

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

impl TokenKind {
    /// Blanks and comments: kept, but no part of the grammar.
    pub fn is_trivia(self) -> bool {
        matches!(
            self,
            TokenKind::Blank | TokenKind::LineComment | TokenKind::BlockComment
        )
    }

    pub fn is_comment(self) -> bool {
        matches!(self, TokenKind::LineComment | TokenKind::BlockComment)
    }

    /// A line that ends after one of these ends its statement.
    pub(crate) fn ends_statement(self) -> bool {
        matches!(
            self,
            TokenKind::Ident
                | TokenKind::Null
                | TokenKind::Bool
                | TokenKind::Number
                | TokenKind::Float
                | TokenKind::String
                | TokenKind::RightCurly
                | TokenKind::RightParen
                | TokenKind::RightBracket
        )
    }

    pub(crate) fn starts_expression(self) -> bool {
        matches!(
            self,
            TokenKind::Ident
                | TokenKind::Null
                | TokenKind::Bool
                | TokenKind::Number
                | TokenKind::Float
                | TokenKind::String
                | TokenKind::LeftCurly
                | TokenKind::LeftParen
                | TokenKind::LeftBracket
                | TokenKind::Not
                | TokenKind::Sub
        )
    }

    pub(crate) fn is_closing(self) -> bool {
        matches!(
            self,
            TokenKind::RightCurly | TokenKind::RightParen | TokenKind::RightBracket
        )
    }

    /// How strongly a left-associative operator binds; 0 for what is none. `^` is not listed: it
    /// binds to the right, and stronger than all of these.
    pub(crate) fn precedence(self) -> u32 {
        match self {
            TokenKind::Or => 1,
            TokenKind::And => 2,
            TokenKind::Equal
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessEqual
            | TokenKind::Greater
            | TokenKind::GreaterEqual => 3,
            TokenKind::Add | TokenKind::Sub => 4,
            TokenKind::Mul | TokenKind::Div | TokenKind::Mod => 5,
            _ => 0,
        }
    }

    /// What was expected, in the words of the user.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            TokenKind::Ident => "identifier",
            TokenKind::Assign => "\"=\"",
            TokenKind::RightCurly => "\"}\"",
            TokenKind::RightParen => "\")\"",
            TokenKind::RightBracket => "\"]\"",
            kind => unreachable!("no rule asks for {kind:?} by itself"),
        }
    }

    /// What was found, in the words of the user.
    pub(crate) fn describe(self, text: &str) -> String {
        match self {
            TokenKind::Blank | TokenKind::LineComment | TokenKind::BlockComment => {
                "blank".to_string()
            }
            TokenKind::Terminator => "end of line".to_string(),
            TokenKind::Eof => "end of file".to_string(),
            TokenKind::Illegal => format!("illegal {}", shorten(text)),
            TokenKind::Ident => format!("identifier \"{}\"", shorten(text)),
            TokenKind::Number | TokenKind::Float => format!("number {}", shorten(text)),
            TokenKind::String => format!("string {}", shorten(text)),
            _ => format!("\"{text}\""),
        }
    }
}

/// Enough of a text to know it again in a message of one line.
fn shorten(text: &str) -> String {
    const LETTERS_MAX: usize = 40;
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None if line.len() < text.len() => format!("{line}..."),
        None => line.to_string(),
    }
}
