//! Rules in the form of gitleaks: TOML.

use toml::{Table, Value};

use super::{Allowed, Pattern, Rule, Rules, Target};
use crate::regex::GoRegex;

/// Limit: the longest file that is read. The longest known one has 100 KiB.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// Limit: rules of a file, so that the automaton of their words stays small.
const RULES_MAX: usize = 10_000;

/// Limit: words of a rule, bytes of all words.
const WORDS_BYTES_MAX: usize = 1 << 20;

impl Rules {
    /// Reads a file. Rules that only look at paths are passed over: a line has none.
    pub fn of_file(text: &str) -> Result<Rules, String> {
        if text.len() > FILE_BYTES_MAX {
            return Err("it is longer than 4 MiB".to_owned());
        }
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| error.to_string())?;
        let mut rules = Rules::default();
        if let Some(extend) = table.get("extend").and_then(Value::as_table) {
            rules = extended(extend)?;
        }
        let empty = Vec::new();
        let listed = array(&table, "rules")?.unwrap_or(&empty);
        if listed.len() > RULES_MAX {
            return Err(format!("it has more than {RULES_MAX} rules"));
        }
        for (index, value) in listed.iter().enumerate() {
            let table = value
                .as_table()
                .ok_or(format!("rules[{index}] is not a table"))?;
            let id = text_of(table, "id")?.unwrap_or_default();
            if id.is_empty() {
                return Err(format!("rules[{index}] has no id"));
            }
            let told = |error: String| format!("rule {id:?}: {error}");
            if let Some(rule) = rule(id, table).map_err(told)? {
                rules.rules.retain(|known| known.id != rule.id);
                rules.rules.push(rule);
            }
        }
        let mut allowed = allowlists(&table)?;
        rules.allowed.append(&mut allowed);
        let words = rules.rules.iter().flat_map(|rule| &rule.words);
        if words.map(String::len).sum::<usize>() > WORDS_BYTES_MAX {
            return Err("its keywords are longer than 1 MiB together".to_owned());
        }
        Ok(rules)
    }
}

fn extended(extend: &Table) -> Result<Rules, String> {
    if extend.contains_key("path") || extend.contains_key("url") {
        return Err("extend.path and extend.url are not read; use extend.useDefault".to_owned());
    }
    let default = extend.get("useDefault").and_then(Value::as_bool);
    let mut rules = match default.unwrap_or(false) {
        true => Rules::built_in(),
        false => Rules::default(),
    };
    let disabled = texts(extend, "disabledRules")?;
    rules.rules.retain(|rule| !disabled.contains(&rule.id));
    Ok(rules)
}

fn rule(id: &str, table: &Table) -> Result<Option<Rule>, String> {
    let Some(regex) = text_of(table, "regex")?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if table.contains_key("path") {
        return Ok(None);
    }
    let compiled = GoRegex::new(regex).map_err(|error| format!("regex: {error}"))?;
    let group = table
        .get("secretGroup")
        .and_then(Value::as_integer)
        .unwrap_or(0);
    let group = usize::try_from(group).map_err(|_| "secretGroup is negative".to_owned())?;
    if group >= compiled.names().len() && group > 0 {
        return Err(format!(
            "secretGroup is {group}, and the regex has no such group"
        ));
    }
    let entropy = match table.get("entropy") {
        Some(Value::Float(bits)) => *bits,
        Some(Value::Integer(bits)) => *bits as f64,
        Some(_) => return Err("entropy is not a number".to_owned()),
        None => 0.0,
    };
    let words = texts(table, "keywords")?;
    Ok(Some(Rule {
        id: id.to_owned(),
        pattern: Pattern::new(regex.to_owned()),
        group,
        entropy,
        words: words.iter().map(|word| word.to_lowercase()).collect(),
        allowed: allowlists(table)?,
    }))
}

/// One of the older form, several of the newer.
fn allowlists(table: &Table) -> Result<Vec<Allowed>, String> {
    let mut found = Vec::new();
    if let Some(one) = table.get("allowlist").and_then(Value::as_table) {
        found.push(allowlist(one)?);
    }
    for value in array(table, "allowlists")?.into_iter().flatten() {
        let table = value.as_table().ok_or("an allowlist is not a table")?;
        // Compat: lists of a rule that others name hold for those; there is nobody to ask here.
        found.push(allowlist(table)?);
    }
    Ok(found)
}

fn allowlist(table: &Table) -> Result<Allowed, String> {
    let target = match text_of(table, "regexTarget")?.unwrap_or_default() {
        "" | "secret" => Target::Secret,
        "match" => Target::Match,
        "line" => Target::Line,
        other => return Err(format!("regexTarget {other:?} is unknown")),
    };
    let all = match text_of(table, "condition")?.unwrap_or_default() {
        "AND" | "and" | "&&" => true,
        "" | "OR" | "or" | "||" => false,
        other => return Err(format!("condition {other:?} is unknown")),
    };
    let mut patterns = Vec::new();
    for regex in texts(table, "regexes")? {
        GoRegex::new(&regex).map_err(|error| format!("regexes: {error}"))?;
        patterns.push(Pattern::new(regex));
    }
    let words = texts(table, "stopwords")?;
    // What also asks for a path or a commit cannot hold for a line.
    let elsewhere = table.contains_key("paths") || table.contains_key("commits");
    if all && elsewhere {
        return Ok(Allowed::default());
    }
    Ok(Allowed {
        target,
        patterns,
        words: words.iter().map(|word| word.to_lowercase()).collect(),
        all,
    })
}

fn array<'a>(table: &'a Table, name: &str) -> Result<Option<&'a Vec<Value>>, String> {
    match table.get(name) {
        None => Ok(None),
        Some(Value::Array(values)) => Ok(Some(values)),
        Some(_) => Err(format!("{name} is not a list")),
    }
}

fn text_of<'a>(table: &'a Table, name: &str) -> Result<Option<&'a str>, String> {
    match table.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    }
}

fn texts(table: &Table, name: &str) -> Result<Vec<String>, String> {
    let values = array(table, name)?.into_iter().flatten();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = values.map(text).collect();
    texts.ok_or_else(|| format!("{name} has something that is not a string"))
}
