//! What the views give for texts without mistakes.

use crate::tests::parse_clean;
use crate::{BinaryOp, Expr, ExprKind, Number, Stmt, UnaryOp};

/// An expression with every operator in parentheses, so that its shape can be compared.
fn shape(expr: Expr<'_>) -> String {
    let list = |exprs: crate::Exprs<'_>| exprs.map(shape).collect::<Vec<_>>().join(" ");
    match expr.kind() {
        ExprKind::Null => "null".to_string(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Number(number) => format!("{number:?}"),
        ExprKind::String(text) => format!("{text:?}"),
        ExprKind::Ident(name) => name.to_string(),
        ExprKind::Array(elements) => format!("[{}]", list(elements)),
        ExprKind::Object(fields) => {
            let field = |field: crate::Field<'_>| {
                format!("{:?}={}", field.key().text, shape(field.value()))
            };
            format!("{{{}}}", fields.map(field).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Access { value, name } => format!("{}.{}", shape(value), name.text),
        ExprKind::Index { value, index } => format!("{}[{}]", shape(value), shape(index)),
        ExprKind::Call { callee, arguments } => format!("{}({})", shape(callee), list(arguments)),
        ExprKind::Unary { op, operand } => {
            let sign = if op == UnaryOp::Not { "!" } else { "-" };
            format!("({sign}{})", shape(operand))
        }
        ExprKind::Binary { op, left, right } => {
            format!("({} {} {})", shape(left), symbol(op), shape(right))
        }
        ExprKind::Paren(inner) => shape(inner),
        ExprKind::Missing => "missing".to_string(),
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "||",
        BinaryOp::And => "&&",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
    }
}

#[track_caller]
fn check(expression: &str, expected: &str) {
    let parse = parse_clean(&format!("v = {expression}"));
    let attribute = parse
        .tree
        .body()
        .attributes()
        .next()
        .expect("there is one attribute");
    assert_eq!(shape(attribute.value()), expected, "for {expression}");
    assert_eq!(attribute.value().source(), expression.trim());
}

#[test]
fn operators_bind_as_in_alloy() {
    check(
        "a || b && c == d + e * f ^ g",
        "(a || (b && (c == (d + (e * (f ^ g))))))",
    );
    check(
        "a * b + c < d && e || f",
        "(((((a * b) + c) < d) && e) || f)",
    );
    check("a - b - c", "((a - b) - c)");
    check("a ^ b ^ c", "(a ^ (b ^ c))");
    check("-a ^ b", "((-a) ^ b)");
    check("a ^ -b ^ c", "(a ^ ((-b) ^ c))");
    check("!a == b", "((!a) == b)");
    check("- -a.b[0](c)", "(-(-a.b[Int(0)](c)))");
    check("(a + b) * c", "((a + b) * c)");
    check("a % b / c", "((a % b) / c)");
    check("a != b <= c > d >= e", "((((a != b) <= c) > d) >= e)");
}

#[test]
fn integers_read_as_go_reads_them() {
    check("42", "Int(42)");
    check("010", "Int(8)");
    check("09", "Float(9.0)");
    check("9223372036854775807", "Int(9223372036854775807)");
    check("9223372036854775808", "Uint(9223372036854775808)");
    check("18446744073709551616", "Float(1.8446744073709552e19)");
}

#[test]
fn floats_have_a_dot_or_an_exponent() {
    check("1.", "Float(1.0)");
    check(".5", "Float(0.5)");
    check("2.5E-3", "Float(0.0025)");
    check("1e3", "Float(1000.0)");
}

#[test]
fn strings_resolve_their_escapes() {
    check(
        r#""\a\b\f\n\r\t\v\\\"""#,
        r#""\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"""#,
    );
    check(r#""\101\x42\u0043\U00000044""#, r#""ABCD""#);
    check(r#""\xc3\xa9 \303\251""#, r#""é é""#);
    check(r#""\xff""#, "\"\u{fffd}\"");
    check("`a\\n\"b\"`", r#""a\\n\"b\"""#);
    check("`one\r\ntwo`", r#""one\ntwo""#);
    check("\"\"", "\"\"");
}

#[test]
fn keys_keep_their_escapes() {
    check(r#"{"a\"b" = 1}"#, r#"{"a\\\"b"=Int(1)}"#);
    check(
        "{a = 1, \"b\" = 2, `c` = 3, \"\" = 4}",
        r#"{"a"=Int(1) "b"=Int(2) "c"=Int(3) "\"\""=Int(4)}"#,
    );
}

#[test]
fn lists_may_end_in_a_comma() {
    check("[]", "[]");
    check("[1,\n2,\n]", "[Int(1) Int(2)]");
    check("{}", "{}");
    check("{\na = 1,\n}", "{\"a\"=Int(1)}");
    check("f(\n1,\nnull,\n)", "f(Int(1) null)");
    check("[true, [false]]", "[true [false]]");
}

#[test]
fn comments_do_not_end_statements_within_a_line() {
    check("1 /* b */ + /* c */ 2", "(Int(1) + Int(2))");
    let parse = parse_clean("a = /* in */ 1 /* over\nlines */\nb = 2 // end\n// more\nc = 3");
    assert_eq!(parse.tree.body().statements().len(), 3);
}

#[test]
fn blocks_have_names_labels_and_bodies() {
    let text = "prometheus . scrape \"a\" {\n\tx = 1\n\ty { }\n}\nb {\n}\nc \"\" { }\n";
    let parse = parse_clean(text);
    let blocks: Vec<_> = parse.tree.body().blocks().collect();
    assert_eq!(blocks[0].name(), "prometheus.scrape");
    assert_eq!(blocks[0].id_path(), "prometheus.scrape.a");
    assert_eq!(blocks[0].label().map(|label| label.text), Some("a"));
    assert_eq!(blocks[0].head_span().end, 23);
    let segments: Vec<_> = blocks[0].segments().map(|name| name.text).collect();
    assert_eq!(segments, ["prometheus", "scrape"]);
    let inside: Vec<_> = blocks[0].body().statements().collect();
    assert!(matches!(inside[..], [Stmt::Attribute(_), Stmt::Block(_)]));
    let Stmt::Attribute(x) = parse.tree.stmt(inside[0].id()) else {
        panic!("x is an attribute")
    };
    assert_eq!(x.name().text, "x");
    let value = parse.tree.expr(x.value().id());
    assert!(matches!(value.kind(), ExprKind::Number(Number::Int(1))));
    assert_eq!(
        (blocks[1].id_path(), blocks[1].label()),
        ("b".to_string(), None)
    );
    assert!(blocks[1].body().is_empty());
    assert_eq!(blocks[2].label(), None, "an empty label is none");
}

#[test]
fn references_are_found_wherever_they_stand() {
    let text = "v = [a.b, {k = c}, f.g(d.e[h].i), -(j) + k.l * 2, \"m\"]";
    let parse = parse_clean(text);
    let attribute = parse
        .tree
        .body()
        .attributes()
        .next()
        .expect("there is one attribute");
    let mut found = Vec::new();
    attribute.value().each_reference(&mut |names| {
        found.push(
            names
                .iter()
                .map(|name| name.text)
                .collect::<Vec<_>>()
                .join("."),
        );
    });
    assert_eq!(found, ["a.b", "c", "f.g", "d.e", "h", "j", "k.l"]);
}

#[test]
fn spans_cover_what_they_name() {
    let text = "a = b.c(1) + 2\n";
    let parse = parse_clean(text);
    let attribute = parse
        .tree
        .body()
        .attributes()
        .next()
        .expect("there is one attribute");
    let source = |span: crate::Span| &text[span.start as usize..span.end as usize];
    assert_eq!(source(attribute.span()), "a = b.c(1) + 2");
    let value = attribute.value();
    assert_eq!(value.operator_span().map(source), Some("+"));
    let ExprKind::Binary { left, .. } = value.kind() else {
        panic!("it is a sum")
    };
    assert_eq!(source(left.span()), "b.c(1)");
}
