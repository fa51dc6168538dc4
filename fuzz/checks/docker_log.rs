//! Logs of containers: however the bytes come, the same lines; no line is longer than the limit.

use formats::docker_log::{Frames, Line, Stream};

pub fn check(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    let terminal = first & 1 == 1;
    let size = usize::from(first >> 1).max(1);
    assert_eq!(
        lines(terminal, bytes, size),
        lines(terminal, bytes, bytes.len().max(1))
    );
}

type Lines = (Vec<(Stream, Vec<u8>)>, bool);

/// The lines, and whether all bytes could be read.
fn lines(terminal: bool, bytes: &[u8], size: usize) -> Lines {
    let mut frames = Frames::new(terminal);
    let mut found = Vec::new();
    let mut whole = true;
    let mut keep = |stream: Stream, line: Line<'_>| {
        let line = match line {
            Line::Whole(line) => line.to_vec(),
            Line::TooLong => Vec::new(),
        };
        assert!(line.len() <= 1 << 20);
        found.push((stream, line));
    };
    for piece in bytes.chunks(size) {
        if frames.feed(piece, &mut keep).is_err() {
            whole = false;
            break;
        }
    }
    if whole {
        frames.finish(&mut keep);
    }
    (found, whole)
}
