//! `string.format`: text as Go's `fmt.Sprintf` makes it.
//!
//! Compat: the verbs, flags and complaints are Go's, since configurations in the field rely on them
//! (`%!s(int=12)` and all; case language/string_format). What Go prints for types that values never
//! have (pointers, structs, channels) is left out.

mod directive;
mod number;
mod shown;

use schema::Value;

use directive::{Directive, Size};
pub(crate) use number::json_number;

/// Limit: width and precision of a directive, as in Go; larger ones are reported in the text.
const SIZE_MAX: u64 = 1_000_000;

/// Fills the template.
pub(crate) fn format(template: &str, arguments: &[Value]) -> String {
    let mut printer = Printer {
        arguments,
        next: 0,
        reordered: false,
        out: String::new(),
    };
    printer.run(template);
    printer.out
}

struct Printer<'a> {
    arguments: &'a [Value],
    next: usize,
    /// An index such as `%[2]d` was used: arguments left over are no mistake then.
    reordered: bool,
    out: String,
}

impl Printer<'_> {
    fn run(&mut self, template: &str) {
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('%') {
            self.out.push_str(text);
            let (directive, after) = directive::parse(after);
            self.print(directive);
            rest = after;
        }
        self.out.push_str(rest);
        if !self.reordered && self.next < self.arguments.len() {
            self.extra();
        }
    }

    fn print(&mut self, mut directive: Directive) {
        let mut bad_index = directive.bad_index;
        if let Some(size) = directive.width {
            match self.size(size, &mut bad_index) {
                Some(width) => {
                    directive.minus |= width < 0;
                    directive.zero &= width >= 0;
                    directive.width_value = Some(width.unsigned_abs() as usize);
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
        }
        if let Some(size) = directive.precision {
            match self.size(size, &mut bad_index) {
                Some(precision) if precision >= 0 => {
                    directive.precision_value = Some(precision as usize);
                }
                // Go forgets a negative precision that an argument gave.
                Some(_) => {}
                None => self.out.push_str("%!(BADPREC)"),
            }
        }
        if let Some(index) = directive.index {
            self.jump(index, &mut bad_index);
        }
        let Some(verb) = directive.verb else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            self.out.push('%');
        } else if bad_index {
            self.out.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(argument) = self.arguments.get(self.next) {
            self.next += 1;
            shown::argument(&mut self.out, verb, &directive, argument);
        } else {
            self.out.push_str(&format!("%!{verb}(MISSING)"));
        }
    }

    /// A width or precision; None if the argument that should give it does not.
    fn size(&mut self, size: Size, bad_index: &mut bool) -> Option<i64> {
        let value = match size {
            Size::Fixed(value) => value,
            Size::Argument(index) => {
                if let Some(index) = index {
                    self.jump(index, bad_index);
                }
                let argument = self.arguments.get(self.next)?;
                self.next += 1;
                match argument {
                    Value::Number(schema::Number::Int(value)) => *value,
                    Value::Number(schema::Number::Uint(value)) => i64::try_from(*value).ok()?,
                    _ => return None,
                }
            }
        };
        (value.unsigned_abs() <= SIZE_MAX).then_some(value)
    }

    fn jump(&mut self, index: Option<usize>, bad_index: &mut bool) {
        self.reordered = true;
        match index.and_then(|index| index.checked_sub(1)) {
            Some(at) if at < self.arguments.len() => self.next = at,
            _ => *bad_index = true,
        }
    }

    fn extra(&mut self) {
        self.out.push_str("%!(EXTRA ");
        for (at, argument) in self.arguments[self.next..].iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            match argument {
                Value::Null => self.out.push_str("<nil>"),
                other => {
                    self.out.push_str(shown::go_type(other));
                    self.out.push('=');
                    shown::argument(&mut self.out, 'v', &Directive::default(), other);
                }
            }
        }
        self.out.push(')');
    }
}

#[cfg(test)]
mod tests;
