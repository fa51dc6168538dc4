//! Expressions: every text is evaluated or refused with a reason, and the same way twice.

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Expansions of a few bytes are bounded by what they are made of.
    if text.len() > 4096 {
        return;
    }
    let parse = syntax::parse(0, text);
    if parse.has_errors() {
        return;
    }
    let mut scope = eval::Scope::new();
    scope.set("constants", eval::constants("h", "v0"));
    scope.set("module_path", "/etc".into());
    let evaluate = || {
        let mut found = Vec::new();
        let body = parse.tree.body();
        let span = syntax::Span::new(0, 0, 0);
        let evaluated = eval::evaluate_body(body, span, &scope, &mut found);
        assert_eq!(evaluated.is_none(), !found.is_empty());
        assert!(found.iter().all(|it| !it.message.is_empty()));
        format!("{evaluated:?} {found:?}")
    };
    assert_eq!(evaluate(), evaluate(), "evaluation has no memory");
}
