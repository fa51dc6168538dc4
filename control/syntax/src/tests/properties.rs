//! What holds for every text: nothing is lost, nothing panics, formatting is stable.

use proptest::prelude::*;

use crate::tests::joined;
use crate::{Expr, ExprKind, Stmt, format, parse};

/// Words of the language and what is none, to be strung together.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "a", "b.c", "true", "null", "1", "1.5", "\"s\"", "`r\n`", "\"", "`", "{", "}", "[", "]",
        "(", ")", ",", ".", "=", "==", "+", "-", "^", "!", "||", "|", "&&", "<", "%", "\n", " ",
        "\r\n", "// c\n", "/* d */", "/*", "\\", "#", "é", "\u{feff}", "\0", "'", "0x1", "\"\\q\"",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2.5",
        "true",
        "null",
        "\"text\"",
        "`raw\n\tlines`",
        "env",
        "a.b.c",
        "[]",
        "{}",
    ]);
    leaf.prop_map(str::to_string)
        .prop_recursive(4, 24, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 1..4);
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left}+{right}")),
                inner.clone().prop_map(|inner| format!("(-{inner})")),
                list.clone()
                    .prop_map(|items| format!("[{}]", items.join(","))),
                list.clone()
                    .prop_map(|items| format!("[\n{},\n]", items.join(",\n"))),
                list.clone()
                    .prop_map(|items| format!("f({})", items.join(" , "))),
                list.clone().prop_map(|items| {
                    let field = |(at, item)| format!("key_{at} = {item}, // field {at}\n");
                    format!(
                        "{{\n{}}}",
                        items.iter().enumerate().map(field).collect::<String>()
                    )
                }),
                list.prop_map(|items| format!("{{a = {}}}", items.join(", b = "))),
            ]
        })
}

/// Statements with comments at line ends and on lines of their own.
fn config() -> impl Strategy<Value = String> {
    let comment = prop::sample::select(vec!["", " // end", "\n// own line", "\n\n// far", "\n\n"]);
    let name = prop::sample::select(vec!["x", "longer_name", "m"]);
    let attribute = (name, expression(), comment.clone())
        .prop_map(|(name, value, comment)| format!("{name} = {value}{comment}\n"));
    attribute.prop_recursive(3, 24, 4, move |inner| {
        let body = prop::collection::vec(inner, 0..4);
        (body, comment.clone()).prop_map(|(body, comment)| {
            format!("block.name \"label\" {{{comment}\n{}}}\n", body.concat())
        })
    })
}

/// Looks at everything that the views give, so that none of them can panic unseen.
fn walk(body: crate::Body<'_>) -> usize {
    let mut seen = body.span().start as usize;
    for stmt in body.statements() {
        seen += stmt.span().end as usize;
        match stmt {
            Stmt::Attribute(attribute) => {
                seen += attribute.name().text.len() + walk_expr(attribute.value());
            }
            Stmt::Block(block) => {
                seen += block.id_path().len() + block.head_span().end as usize;
                seen += walk(block.body());
            }
        }
    }
    seen
}

fn walk_expr(expr: Expr<'_>) -> usize {
    let inside = match expr.kind() {
        ExprKind::Array(elements) => elements.map(walk_expr).sum(),
        ExprKind::Object(fields) => fields
            .map(|field| field.key().text.len() + walk_expr(field.value()))
            .sum(),
        ExprKind::Call { callee, arguments } => {
            walk_expr(callee) + arguments.map(walk_expr).sum::<usize>()
        }
        ExprKind::Index { value, index } => walk_expr(value) + walk_expr(index),
        ExprKind::Binary { left, right, .. } => walk_expr(left) + walk_expr(right),
        ExprKind::Access { value, .. } => walk_expr(value),
        ExprKind::Unary { operand, .. } => walk_expr(operand),
        ExprKind::Paren(inner) => walk_expr(inner),
        ExprKind::String(text) => text.len(),
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::Ident(_)
        | ExprKind::Missing => 0,
    };
    expr.source().len() + inside
}

fn check_any(text: &str) {
    let parse = parse(0, text);
    assert_eq!(joined(&parse), text, "bytes were lost");
    walk(parse.tree.body());
    let starts = parse
        .diagnostics
        .iter()
        .map(|found| found.span.expect("has a place").start);
    assert!(
        starts.is_sorted(),
        "diagnostics come in the order of the text"
    );
    match format(text) {
        Ok(formatted) => assert!(!parse.has_errors() && format(&formatted).is_ok()),
        Err(errors) => assert_eq!(errors, parse.diagnostics),
    }
}

proptest! {
    #[test]
    fn any_letters_are_read_without_loss(text in any::<String>()) {
        check_any(&text);
    }

    #[test]
    fn any_words_are_read_without_loss(text in soup()) {
        check_any(&text);
    }

    #[test]
    fn formatting_twice_is_formatting_once(text in config()) {
        let once = format(&text).expect("generated configurations have no mistakes");
        let twice = format(&once);
        prop_assert_eq!(twice, Ok(once));
    }

    #[test]
    fn formatting_keeps_the_words(text in config()) {
        let words = |text: &str| {
            let parse = parse(0, text);
            let words = parse.tree.tokens().map(|(_, text)| text.trim().to_string());
            words.filter(|word| !word.is_empty() && word != ",").collect::<Vec<_>>()
        };
        let formatted = format(&text).expect("generated configurations have no mistakes");
        prop_assert_eq!(words(&formatted), words(&text));
    }
}
