//! Configuration files: every text gives a tree, and formatting settles after one pass.

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parse = syntax::parse(0, text);
    let formatted = syntax::format(text);
    assert_eq!(
        formatted.is_err(),
        parse.has_errors(),
        "the formatter refuses what is broken"
    );
    if let Ok(once) = formatted {
        let twice = syntax::format(&once).expect("what was formatted is in order");
        assert_eq!(twice, once);
    }
}
