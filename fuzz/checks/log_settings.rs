//! Texts as the settings of stages that parse them.

use ops::stages::{Entry, Json, Pattern, ProgramBuilder, Run, Selector, SetTemplate, Status};

/// Any text is settings or is refused with a reason; settings can be used.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let told = |error: String| assert!(!error.is_empty());
    let mut builder = ProgramBuilder::default();
    match Selector::parse(text) {
        Ok(selector) => builder.drop_matching(selector, "selected".to_owned()),
        Err(error) => told(error),
    }
    match Pattern::new(None, text, false) {
        Ok(pattern) => builder.push(pattern),
        Err(error) => told(error),
    }
    match Json::new(None, [("path", text)], None, false) {
        Ok(json) => builder.push(json),
        Err(error) => told(error),
    }
    match ops::template::Template::parse(text) {
        Ok(template) => builder.push(SetTemplate::new("out", template, 1)),
        Err(error) => told(error),
    }
    let layout = ops::gotime::Layout::new(text);
    let _any_text_is_a_layout = layout.parse(text);
    let written = layout.format(0, &ops::gotime::Zone::utc());
    assert!(written.len() <= text.len() * 10);
    let _none_or_some = ops::gotime::parse_duration(text);
    let mut run = Run::default();
    run.start()
        .line
        .extend_from_slice(b"{\"a\":{\"b\":[1,\"x\"]}} c=d");
    let status = builder.build().run(&mut run, 0, &mut |_: &mut Entry| {});
    assert_eq!(status, Status::Done);
}
