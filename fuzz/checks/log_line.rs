//! Lines through every stage that reads text.

use ops::stages::{
    Cri, Decolorize, Docker, Entry, EventLog, Extract, Json, LabelSource, Logfmt, Luhn, MakeLabels,
    Pack, Pattern, Program, ProgramBuilder, Run, Source, SplitJson, Status, Timestamp,
    TimestampOptions, WindowsEvent,
};

/// Any line passes every stage: nothing panics, and what comes out is bounded by what went in.
pub fn check(bytes: &[u8]) {
    let mut program = program().expect("the settings are fixed");
    let mut run = Run::default();
    let mut out = 0;
    let mut count = |entry: &mut Entry| out += entry.line.len();
    run.start().line.extend_from_slice(bytes);
    assert_eq!(program.run(&mut run, 0, &mut count), Status::Done);
    program.finish(&mut run, 0, &mut count);
    // A byte becomes at most a \u escape, twice, in the packed line of each element.
    assert!(
        out <= 1000 + bytes.len() * 64,
        "{out} bytes of {}",
        bytes.len()
    );
}

fn program() -> Result<Program, String> {
    let any = ops::regex::GoRegex::new(".")?;
    let words = ops::regex::GoRegex::new(r"(?P<first>\w+)\W+(?P<second>\w+)?")?;
    let time = TimestampOptions {
        source: "time".to_owned(),
        format: "RFC3339Nano".to_owned(),
        fallback_formats: ["RFC850", "Unix", "Jan _2 15:04:05 MST", "UnixMs"]
            .map(Into::into)
            .into(),
        fudge_failures: true,
        fudge_duplicates: true,
        ..TimestampOptions::default()
    };
    let event = |source: &str| (source.to_owned(), false, false);
    let mut builder = ProgramBuilder::default();
    builder.push(SplitJson::new(None));
    builder.push(Docker);
    builder.push(Cri::new(2, Some(100)));
    let expressions = [
        ("deep", "a.b.c"),
        ("time", ""),
        ("list", "a[0].b"),
        ("message", ""),
    ];
    builder.push(Json::new(None, expressions, Some(any.clone()), false)?);
    builder.push(Logfmt::new(None, [("time", "t")], Some(any)));
    builder.push(Pattern::new(None, "<_>[<time>] <message>", true)?);
    builder.push(Extract::new(None, words, false));
    builder.push(Timestamp::new(time)?);
    let (source, drop_invalid_labels, overwrite_existing) = event("message");
    builder.push(EventLog {
        source,
        drop_invalid_labels,
        overwrite_existing,
    });
    let (source, drop_invalid_labels, overwrite_existing) = event("message");
    builder.push(WindowsEvent {
        source,
        drop_invalid_labels,
        overwrite_existing,
    });
    builder.push(Decolorize::default());
    builder.push(Luhn {
        source: Source::Line,
        replacement: "*".to_owned(),
        min_length: 13,
        delimiters: " -".to_owned(),
        skip: None,
    });
    builder.push(MakeLabels::new(
        LabelSource::Extracted,
        [("first", ""), ("deep", "")],
    ));
    builder.push(Pack::new(vec!["second".to_owned()], true));
    Ok(builder.build())
}
