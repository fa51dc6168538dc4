//! Replacing by regular expressions and by globs.

use std::borrow::Cow;

use super::call::{Args, Edit, Literals, Pattern, Replacement};
use super::glob as globs;
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::value::{Map, Value};
use crate::regex::{GoRegex, Template};

type Edited = Result<Option<Value<'static>>, Error>;

pub(super) fn pattern(literals: &Literals) -> Result<Box<dyn Edit>, String> {
    Ok(Box::new(ReplacePattern {
        replacer: Replacer::new(literals, 1)?,
    }))
}

pub(super) fn all_patterns(literals: &Literals) -> Result<Box<dyn Edit>, String> {
    let replacer = Replacer::new(literals, 2)?;
    let keys = match literals.text(1) {
        Some("key") => true,
        Some("value") => false,
        mode => {
            let mode = mode.unwrap_or_default();
            return Err(format!(
                "invalid mode {mode}, must be either 'key' or 'value'"
            ));
        }
    };
    Ok(Box::new(ReplaceAllPatterns { replacer, keys }))
}

pub(super) fn glob(literals: &Literals) -> Result<Box<dyn Edit>, String> {
    Ok(Box::new(ReplaceMatch(Glob::new(literals)?)))
}

pub(super) fn all_globs(literals: &Literals) -> Result<Box<dyn Edit>, String> {
    Ok(Box::new(ReplaceAllMatches(Glob::new(literals)?)))
}

/// Regular expression, replacement and what replacements pass through, from the argument with the
/// pattern on.
#[derive(Debug)]
struct Replacer {
    first: usize,
    pattern: Pattern,
    /// The replacement, if it and the pattern are literals.
    template: Option<Template>,
    function: Option<Filter>,
}

impl Replacer {
    fn new(literals: &Literals, first: usize) -> Result<Replacer, String> {
        let pattern = literals.pattern(first)?;
        let template = match (&pattern, literals.text(first + 1)) {
            (Pattern::Fixed(regex), Some(text)) => Some(Template::new(text, regex)),
            _ => None,
        };
        Ok(Replacer {
            first,
            pattern,
            template,
            function: Filter::new(literals, first + 2),
        })
    }

    fn ready<'r>(&'r self, args: &'r Args<'_>) -> Result<Ready<'r>, Error> {
        let regex = self.pattern.get(args)?;
        let template = match &self.template {
            Some(template) => Cow::Borrowed(template),
            None => Cow::Owned(Template::new(args.text(self.first + 1), &regex)),
        };
        Ok(Ready {
            regex,
            template,
            function: self.function.as_ref(),
            format: args
                .is_given(self.first + 3)
                .then(|| args.text(self.first + 3)),
            context: args.context,
        })
    }
}

/// A replacer with the values of a call.
struct Ready<'r> {
    regex: Cow<'r, GoRegex>,
    template: Cow<'r, Template>,
    function: Option<&'r Filter>,
    format: Option<&'r str>,
    context: &'r dyn Context,
}

impl Ready<'_> {
    /// The text with all matches replaced; nothing if there is none.
    fn replace(&self, text: &str) -> Result<Option<String>, Error> {
        if !self.regex.is_match(text) {
            return Ok(None);
        }
        let mut out = String::with_capacity(text.len());
        let Some(function) = self.function else {
            self.regex.replace_all(text, &self.template, &mut out);
            return Ok(Some(out));
        };
        let mut rest = 0;
        for captures in self.regex.captures_iter(text) {
            let whole = captures.get_match();
            let mut replacement = String::new();
            self.template.expand(&captures, &mut replacement);
            out.push_str(&text[rest..whole.start()]);
            out.push_str(&function.apply(&replacement, self.format, self.context)?);
            rest = whole.end();
        }
        out.push_str(&text[rest..]);
        Ok(Some(out))
    }
}

/// The converter that replacements pass through.
#[derive(Debug)]
struct Filter(Replacement);

impl Filter {
    fn new(literals: &Literals, index: usize) -> Option<Filter> {
        // A call has one converter argument; it is moved out of the literals when it is bound.
        let given = *literals.given.get(index)?;
        let function = literals.function.take().filter(|_| given)?;
        Some(Filter(function))
    }

    fn apply(
        &self,
        text: &str,
        format: Option<&str>,
        context: &dyn Context,
    ) -> Result<String, Error> {
        let text = self.0.apply(text, context)?;
        match format {
            None => Ok(text),
            Some(format) => {
                let parts: Vec<&str> = format.split("%s").collect();
                match parts[..] {
                    [before, after] if !before.contains('%') && !after.contains('%') => {
                        Ok(format!("{before}{text}{after}"))
                    }
                    _ => Err(Error::new(
                        "replacementFormat must be format string containing a single %s and no \
                         other format specifiers",
                    )),
                }
            }
        }
    }
}

#[derive(Debug)]
struct ReplacePattern {
    replacer: Replacer,
}

impl Edit for ReplacePattern {
    fn edit(&self, old: Value<'static>, args: &mut Args<'_>) -> Edited {
        let Value::Text(text) = old else {
            return Ok(None);
        };
        let replaced = self.replacer.ready(args)?.replace(&text)?;
        Ok(replaced.map(Value::text))
    }
}

#[derive(Debug)]
struct ReplaceAllPatterns {
    replacer: Replacer,
    keys: bool,
}

impl Edit for ReplaceAllPatterns {
    fn edit(&self, old: Value<'static>, args: &mut Args<'_>) -> Edited {
        let Value::Map(map) = old else {
            return Ok(None);
        };
        let ready = self.replacer.ready(args)?;
        let mut map = map.into_owned();
        if !self.keys {
            for (_, value) in map.iter_mut() {
                let Value::Text(text) = value else {
                    continue;
                };
                // Compat: what the converter fails on stays as it is.
                if let Ok(Some(replaced)) = ready.replace(text) {
                    *value = Value::text(replaced);
                }
            }
            return Ok(Some(Value::map(map)));
        }
        let mut renamed = Map::new();
        for (key, value) in map {
            match ready.replace(&key) {
                Ok(None) => renamed.set(key, value),
                Ok(Some(key)) => renamed.set(key, value),
                // Compat: an entry whose key the converter fails on is lost.
                Err(_) => {}
            }
        }
        Ok(Some(Value::map(renamed)))
    }
}

/// Glob, replacement and what it passes through.
#[derive(Debug)]
struct Glob {
    pattern: Option<GoRegex>,
    function: Option<Filter>,
}

impl Glob {
    fn new(literals: &Literals) -> Result<Glob, String> {
        let pattern = match literals.text(1) {
            Some(text) => Some(globs::compile(text).map_err(|error| {
                format!("the pattern '{text}' is not a valid pattern: {error}")
            })?),
            None => None,
        };
        Ok(Glob {
            pattern,
            function: Filter::new(literals, 3),
        })
    }

    fn ready(&self, args: &Args<'_>) -> Result<(Cow<'_, GoRegex>, String), Error> {
        let regex = match &self.pattern {
            Some(regex) => Cow::Borrowed(regex),
            None => Cow::Owned(globs::compile(args.text(1)).map_err(Error::new)?),
        };
        let replacement = match &self.function {
            None => args.text(2).to_owned(),
            Some(function) => {
                let format = args.is_given(4).then(|| args.text(4));
                function.apply(args.text(2), format, args.context)?
            }
        };
        Ok((regex, replacement))
    }
}

#[derive(Debug)]
struct ReplaceMatch(Glob);

impl Edit for ReplaceMatch {
    fn edit(&self, old: Value<'static>, args: &mut Args<'_>) -> Edited {
        let (regex, replacement) = self.0.ready(args)?;
        Ok(match old {
            Value::Text(text) if regex.is_match(&text) => Some(Value::text(replacement)),
            _ => None,
        })
    }
}

#[derive(Debug)]
struct ReplaceAllMatches(Glob);

impl Edit for ReplaceAllMatches {
    fn edit(&self, old: Value<'static>, args: &mut Args<'_>) -> Edited {
        let Value::Map(map) = old else {
            return Ok(None);
        };
        let (regex, replacement) = self.0.ready(args)?;
        let mut map = map.into_owned();
        for (_, value) in map.iter_mut() {
            if matches!(value, Value::Text(text) if regex.is_match(text)) {
                *value = Value::text(replacement.clone());
            }
        }
        Ok(Some(Value::map(map)))
    }
}
