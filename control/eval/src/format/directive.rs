//! What stands after a `%`: flags, width, precision, index, verb.

/// `%[1]+08.3f`, taken apart. Widths and precisions that arguments give are looked up by the
/// printer.
#[derive(Default)]
pub(super) struct Directive {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<Size>,
    pub precision: Option<Size>,
    /// None inside if the brackets hold no number.
    pub index: Option<Option<usize>>,
    /// An index stands where none may.
    pub bad_index: bool,
    pub verb: Option<char>,
    pub width_value: Option<usize>,
    pub precision_value: Option<usize>,
}

#[derive(Clone, Copy)]
pub(super) enum Size {
    Fixed(i64),
    /// `*`, with the index in front of it.
    Argument(Option<Option<usize>>),
}

/// The directive at the start of `text`, and what comes after it.
pub(super) fn parse(text: &str) -> (Directive, &str) {
    let mut directive = Directive::default();
    let rest = flags(&mut directive, text);
    let rest = width(&mut directive, rest);
    let mut rest = precision(&mut directive, rest);
    if directive.index.is_none() {
        (directive.index, rest) = index(rest);
    }
    let mut chars = rest.chars();
    directive.verb = chars.next();
    if directive.verb == Some('v') {
        // A plus asks for the names of struct fields there, not for signs.
        directive.plus = false;
    }
    (directive, chars.as_str())
}

fn width<'t>(directive: &mut Directive, text: &'t str) -> &'t str {
    let (found, rest) = index(text);
    if let Some(rest) = rest.strip_prefix('*') {
        directive.width = Some(Size::Argument(found));
        return rest;
    }
    let (size, rest) = digits(rest);
    directive.width = size;
    directive.index = found;
    directive.bad_index = found.is_some() && size.is_some();
    rest
}

fn precision<'t>(directive: &mut Directive, text: &'t str) -> &'t str {
    let Some(rest) = text.strip_prefix('.') else {
        return text;
    };
    directive.bad_index |= directive.index.is_some();
    let (found, rest) = index(rest);
    if let Some(rest) = rest.strip_prefix('*') {
        directive.precision = Some(Size::Argument(found));
        return rest;
    }
    let (size, rest) = digits(rest);
    directive.precision = size.or(Some(Size::Fixed(0)));
    directive.index = found;
    rest
}

fn flags<'t>(directive: &mut Directive, text: &'t str) -> &'t str {
    let mut rest = text;
    loop {
        match rest.as_bytes().first() {
            Some(b'-') => {
                directive.minus = true;
                // Zeros on the right would change a number.
                directive.zero = false;
            }
            Some(b'0') => directive.zero = !directive.minus,
            Some(b'+') => directive.plus = true,
            Some(b'#') => directive.sharp = true,
            Some(b' ') => directive.space = true,
            _ => return rest,
        }
        rest = &rest[1..];
    }
}

fn digits(text: &str) -> (Option<Size>, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    if end == 0 {
        return (None, text);
    }
    let value = text[..end].parse().unwrap_or(i64::MAX);
    (Some(Size::Fixed(value)), &text[end..])
}

/// `[n]`. Without a closing bracket only the opening one is taken.
fn index(text: &str) -> (Option<Option<usize>>, &str) {
    let Some(inner) = text.strip_prefix('[') else {
        return (None, text);
    };
    match inner.split_once(']') {
        Some((number, rest)) => (Some(number.parse().ok()), rest),
        None => (Some(None), inner),
    }
}
