//! Which group a process belongs to. Pure.

use std::collections::BTreeMap;

use ops::gotime::Zone;
use ops::template::{Environment, Template, Val};
use regex::Regex;

use super::Matcher;

/// What matchers and templates see of a process.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// The name that the kernel knows.
    pub comm: String,
    /// The words of the command line; none for threads of the kernel.
    pub words: Vec<String>,
    pub cgroups: Vec<String>,
    pub username: String,
    pub pid: u32,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
}

/// The matchers of a component.
pub struct Namer {
    rules: Vec<Rule>,
}

struct Rule {
    comms: Vec<String>,
    /// The last part of a path, and the whole of it where it counts.
    programs: Vec<(String, Option<String>)>,
    lines: Vec<Regex>,
    /// Parsed anew for each new process: a parsed template cannot go between threads.
    template: String,
}

impl Namer {
    pub fn new(matchers: &[Matcher]) -> Result<Namer, String> {
        let rules = matchers.iter().map(Rule::new).collect::<Result<_, _>>()?;
        Ok(Namer { rules })
    }

    /// The group, by the first matcher that takes the process.
    pub fn group(&self, process: &Attributes) -> Option<String> {
        self.rules.iter().find_map(|rule| rule.group(process))
    }
}

impl Rule {
    fn new(matcher: &Matcher) -> Result<Rule, String> {
        if matcher.comm.is_empty() && matcher.exe.is_empty() && matcher.cmdline.is_empty() {
            return Err("no matchers provided: set comm, exe or cmdline".to_owned());
        }
        let program = |path: &String| {
            let whole = path.contains('/').then(|| path.clone());
            (base(path).to_owned(), whole)
        };
        let line = |text: &String| {
            Regex::new(text).map_err(|error| format!("bad cmdline regex \"{text}\": {error}"))
        };
        let template = match matcher.name.as_str() {
            "" => "{{.ExeBase}}",
            name => name,
        };
        if let Err(error) = Template::parse(template) {
            return Err(format!("bad name template \"{template}\": {error}"));
        }
        Ok(Rule {
            comms: matcher.comm.clone(),
            programs: matcher.exe.iter().map(program).collect(),
            lines: matcher.cmdline.iter().map(line).collect::<Result<_, _>>()?,
            template: template.to_owned(),
        })
    }

    fn group(&self, process: &Attributes) -> Option<String> {
        if !self.comms.is_empty() && !self.comms.contains(&process.comm) {
            return None;
        }
        if !self.programs.is_empty() && !self.takes_program(process) {
            return None;
        }
        let line = process.words.join(" ");
        let mut matches = BTreeMap::new();
        for regex in &self.lines {
            let captures = regex.captures(&line)?;
            for name in regex.capture_names().flatten() {
                let text = captures.name(name).map_or("", |it| it.as_str());
                matches.insert(name.to_owned(), Val::text(text));
            }
        }
        Some(self.name(process, matches))
    }

    fn takes_program(&self, process: &Attributes) -> bool {
        let Some(word) = process.words.first() else {
            return false;
        };
        // Compat: of two rules with one base, the last counts.
        let rule = self.programs.iter().rfind(|(name, _)| name == base(word));
        rule.is_some_and(|(_, whole)| whole.as_ref().is_none_or(|it| it == word))
    }

    /// What the template writes; what it wrote before a mistake, if it makes one.
    fn name(&self, process: &Attributes, matches: BTreeMap<String, Val>) -> String {
        let whole = process.words.first().unwrap_or(&process.comm);
        // Compat: the whole name of what has no command line is its base, slashes and all.
        let last = process.words.first().map_or(whole.as_str(), |it| base(it));
        let data = |name: &str| {
            Some(match name {
                "Comm" => Val::text(&process.comm),
                "ExeBase" => Val::text(last),
                "ExeFull" => Val::text(whole),
                "Username" => Val::text(&process.username),
                "PID" => Val::Int(process.pid.into()),
                "StartTime" => Val::Time(process.start_ns, Zone::utc().into()),
                "Cgroups" => Val::texts(process.cgroups.iter().map(String::as_str)),
                "Matches" => Val::map(matches.clone()),
                _ => return None,
            })
        };
        let names = || {
            let all = "Comm ExeBase ExeFull Username PID StartTime Cgroups Matches";
            all.split(' ').map(str::to_owned).collect()
        };
        let mut group = String::new();
        let mut environment = Environment::new(u64::from(process.pid));
        let written = Template::parse(&self.template)
            .and_then(|it| it.write(&data, &names, &mut environment, &mut group));
        if let Err(error) = written {
            tracing::debug!(err = error, pid = process.pid, "a group has no whole name");
        }
        group
    }
}

/// The last part of a path, as Go's `filepath.Base` gives it.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/') {
        "" => "/",
        path => path.rsplit('/').next().unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(name: &str, comm: &[&str], exe: &[&str], cmdline: &[&str]) -> Matcher {
        let texts = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Matcher {
            name: name.to_owned(),
            comm: texts(comm),
            exe: texts(exe),
            cmdline: texts(cmdline),
        }
    }

    fn process(comm: &str, words: &[&str]) -> Attributes {
        Attributes {
            comm: comm.to_owned(),
            words: words.iter().map(|it| (*it).to_owned()).collect(),
            cgroups: vec!["/user.slice".to_owned()],
            username: "ann".to_owned(),
            pid: 7,
            start_ns: 1_700_000_000_000_000_000,
        }
    }

    #[test]
    fn every_list_of_a_matcher_has_to_match() {
        let java = process(
            "java",
            &["/opt/jre/bin/java", "-jar", "shop.jar", "--port=80"],
        );
        let kernel = process("kworker/0:1", &[]);
        for (rule, process, expect) in [
            (matcher("", &["java"], &[], &[]), &java, Some("java")),
            (matcher("", &["jav"], &[], &[]), &java, None),
            (matcher("", &[], &["java"], &[]), &java, Some("java")),
            (matcher("", &[], &["/bin/java"], &[]), &java, None),
            (
                matcher("{{.ExeFull}}", &[], &["/opt/jre/bin/java"], &[]),
                &java,
                Some("/opt/jre/bin/java"),
            ),
            (
                matcher(
                    "{{.Matches.app}}:{{.Matches.p}}",
                    &[],
                    &[],
                    &["(?P<app>\\w+)\\.jar", "port=(?P<p>\\d+)"],
                ),
                &java,
                Some("shop:80"),
            ),
            (matcher("x", &["java"], &[], &["\\.war"]), &java, None),
            (
                matcher(
                    "{{.Comm}}-{{.Username}}-{{.PID}}-{{index .Cgroups 0}}",
                    &[],
                    &[],
                    &["."],
                ),
                &java,
                Some("java-ann-7-/user.slice"),
            ),
            (
                matcher("{{.StartTime}}", &["java"], &[], &[]),
                &java,
                Some("2023-11-14 22:13:20 +0000 UTC"),
            ),
            (
                matcher("{{.ExeBase}}", &["kworker/0:1"], &[], &[]),
                &kernel,
                Some("kworker/0:1"),
            ),
            (matcher("", &[], &["kworker"], &[]), &kernel, None),
            (matcher("all", &[], &[], &["^$"]), &kernel, Some("all")),
        ] {
            let namer = Namer::new(std::slice::from_ref(&rule)).expect("the rule is valid");
            let group = namer.group(process);
            assert_eq!(group.as_deref(), expect, "{} {:?}", rule.name, rule.cmdline);
        }
    }

    #[test]
    fn the_first_matcher_that_takes_a_process_names_it() {
        let rules = [
            matcher("first", &["a"], &[], &[]),
            matcher("second", &["a", "b"], &[], &[]),
        ];
        let namer = Namer::new(&rules).expect("the rules are valid");
        assert_eq!(namer.group(&process("a", &[])).as_deref(), Some("first"));
        assert_eq!(namer.group(&process("b", &[])).as_deref(), Some("second"));
        assert_eq!(namer.group(&process("c", &[])), None);
    }

    #[test]
    fn what_cannot_match_is_refused() {
        for (rule, expect) in [
            (matcher("x", &[], &[], &[]), "no matchers provided"),
            (matcher("x", &[], &[], &["("]), "bad cmdline regex"),
            (matcher("{{.", &["a"], &[], &[]), "bad name template"),
        ] {
            let error = Namer::new(&[rule]).err().expect("it is refused");
            assert!(error.starts_with(expect), "{error}");
        }
    }

    #[test]
    fn the_base_of_a_path_is_its_last_part() {
        for (path, expect) in [
            ("", "."),
            ("/", "/"),
            ("a", "a"),
            ("/a/b", "b"),
            ("/a/b//", "b"),
        ] {
            assert_eq!(base(path), expect);
        }
    }
}
