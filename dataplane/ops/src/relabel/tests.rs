//! Each action of relabel rules, as one line of labels before and after.

use batch::LabelsBuf;
use proptest::prelude::*;

use super::*;

fn labels(text: &str) -> LabelsBuf {
    let mut labels = LabelsBuf::new();
    for pair in text.split_whitespace() {
        let (name, value) = pair.split_once('=').expect("name=value");
        labels.set(name, value);
    }
    labels
}

fn text(labels: &LabelsBuf) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(" ")
}

fn rule(action: &str, edit: impl FnOnce(&mut RuleText)) -> Rule {
    let mut text = RuleText::new(action);
    edit(&mut text);
    Rule::new(text, NameScheme::Legacy).expect("a valid rule")
}

/// Applies one rule; the outcome is the labels, or `dropped`.
fn check(action: &str, edit: impl FnOnce(&mut RuleText), before: &str, after: &str) {
    let mut set = labels(before);
    let outcome = match apply(&[rule(action, edit)], &mut set) {
        Outcome::Keep => text(&set),
        Outcome::Drop => "dropped".to_owned(),
    };
    assert_eq!(outcome, after, "{action} of {before}");
}

fn sources(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn replace_writes_what_the_groups_say() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["a", "b"]);
        text.regex = "(.+);(.+)".to_owned();
        text.target_label = "c_${2}".to_owned();
        text.replacement = "$1!".to_owned();
    };
    check("replace", rule, "a=x b=y", "a=x b=y c_y=x!");
    check("replace", rule, "a=x", "a=x");
    check("replace", rule, "a=x b=a.b", "a=x b=a.b");
}

#[test]
fn replace_by_nothing_deletes() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["a"]);
        text.target_label = "b".to_owned();
        text.replacement = String::new();
    };
    check("replace", rule, "a=x b=y", "a=x");
    check(
        "replace",
        |text| text.target_label = "b".to_owned(),
        "b=y",
        "",
    );
}

#[test]
fn replace_knows_names_by_the_scheme() {
    let mut text = RuleText::new("replace");
    text.target_label = "a.b".to_owned();
    text.replacement = "x".to_owned();
    for (scheme, expected) in [(NameScheme::Legacy, ""), (NameScheme::Utf8, "a.b=x")] {
        let rule = Rule::new(text.clone(), scheme).expect("accepted in either");
        let mut set = LabelsBuf::new();
        assert_eq!(apply(&[rule.with_names(scheme)], &mut set), Outcome::Keep);
        assert_eq!(super::tests::text(&set), expected);
    }
}

#[test]
fn keep_and_drop_need_the_whole_text() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["app"]);
        text.regex = "We".to_owned();
    };
    check("keep", rule, "app=Web", "dropped");
    check("drop", rule, "app=Web", "app=Web");
    check("keep", rule, "app=We", "app=We");
    check("keep", |text| text.regex = String::new(), "app=x", "app=x");
    let newline = |text: &mut RuleText| {
        text.source_labels = sources(&["a"]);
        text.regex = "x.y".to_owned();
    };
    let mut set = LabelsBuf::new();
    set.set("a", "x\ny");
    assert_eq!(
        apply(&[super::tests::rule("keep", newline)], &mut set),
        Outcome::Keep
    );
}

#[test]
fn equal_actions_compare_with_the_target() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["x"]);
        text.target_label = "y".to_owned();
    };
    check("keepequal", rule, "x=1 y=1", "x=1 y=1");
    check("keepequal", rule, "x=1 y=2", "dropped");
    check("keepequal", rule, "z=1", "z=1");
    check("dropequal", rule, "x=1 y=1", "dropped");
    check("dropequal", rule, "x=1 y=2", "x=1 y=2");
}

#[test]
fn hashmod_agrees_with_prometheus() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["c"]);
        text.target_label = "d".to_owned();
        text.separator = ";".to_owned();
        text.modulus = 1000;
    };
    // From the tests of Prometheus' package relabel.
    check("hashmod", rule, "c=baz", "c=baz d=976");
    let mut set = LabelsBuf::new();
    set.set("a", "foo\nbar");
    let rule = super::tests::rule("hashmod", |text| {
        text.source_labels = sources(&["a"]);
        text.target_label = "d".to_owned();
        text.modulus = 1000;
    });
    assert_eq!(apply(&[rule], &mut set), Outcome::Keep);
    assert_eq!(set.get("d"), Some("734"));
}

#[test]
fn names_are_mapped_dropped_and_kept() {
    let map = |text: &mut RuleText| {
        text.regex = "__meta_(.+)".to_owned();
        text.replacement = "m_${1}".to_owned();
    };
    check("labelmap", map, "__meta_a=1 b=2", "__meta_a=1 b=2 m_a=1");
    check(
        "labeldrop",
        |text| text.regex = "b.*".to_owned(),
        "a=1 b=2 bc=3",
        "a=1",
    );
    check(
        "labelkeep",
        |text| text.regex = "b.*".to_owned(),
        "a=1 b=2 bc=3",
        "b=2 bc=3",
    );
}

#[test]
fn labelmap_does_not_see_its_own_names() {
    let map = |text: &mut RuleText| {
        text.regex = "(a+)".to_owned();
        text.replacement = "${1}a".to_owned();
    };
    check("labelmap", map, "a=1 aa=2", "a=1 aa=1 aaa=2");
}

#[test]
fn case_is_mapped_character_by_character() {
    let rule = |text: &mut RuleText| {
        text.source_labels = sources(&["a"]);
        text.target_label = "b".to_owned();
    };
    check("lowercase", rule, "a=FoOÉ", "a=FoOÉ b=fooé");
    check("uppercase", rule, "a=fooßé", "a=fooßé b=FOOßÉ");
    check("lowercase", rule, "a=ΣΑΣ", "a=ΣΑΣ b=σασ");
}

#[test]
fn rules_stop_at_the_first_that_drops() {
    let drop = rule("drop", |text| text.source_labels = sources(&["a"]));
    let later = rule("replace", |text| {
        text.target_label = "z".to_owned();
        text.replacement = "1".to_owned();
    });
    let mut set = labels("a=1");
    assert_eq!(apply(&[drop, later], &mut set), Outcome::Drop);
    assert_eq!(text(&set), "a=1");
}

#[test]
fn bad_rules_name_the_setting() {
    let refuse = |action: &str, edit: fn(&mut RuleText), expected: &str| {
        let mut text = RuleText::new(action);
        edit(&mut text);
        let error = Rule::new(text, NameScheme::Legacy).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    };
    refuse("explode", |_| {}, "unrecognized action type \"explode\"");
    refuse("", |_| {}, "unrecognized action type");
    refuse("replace", |_| {}, "requires 'target_label'");
    refuse(
        "replace",
        |text| text.target_label = "$".to_owned(),
        "invalid 'target_label'",
    );
    refuse(
        "replace",
        |text| text.target_label = "a${x".to_owned(),
        "invalid 'target_label'",
    );
    refuse(
        "hashmod",
        |text| text.target_label = "a".to_owned(),
        "non-zero modulus",
    );
    refuse(
        "labelmap",
        |text| text.replacement = "a-b".to_owned(),
        "invalid 'replacement'",
    );
    refuse(
        "labelmap",
        |text| text.replacement = "1a".to_owned(),
        "invalid 'replacement'",
    );
    refuse(
        "labeldrop",
        |text| text.modulus = 3,
        "requires only 'regex'",
    );
    refuse(
        "labelkeep",
        |text| text.source_labels = sources(&["a"]),
        "requires only 'regex'",
    );
    let with_replacement = |text: &mut RuleText| {
        text.target_label = "a".to_owned();
        text.replacement = "x".to_owned();
    };
    refuse(
        "lowercase",
        with_replacement,
        "'replacement' can not be set",
    );
    let with_regex = |text: &mut RuleText| {
        text.target_label = "a".to_owned();
        text.regex = "x".to_owned();
    };
    refuse(
        "keepequal",
        with_regex,
        "requires only 'source_labels' and 'target_label'",
    );
    refuse("keep", |text| text.regex = "(".to_owned(), "unclosed group");
}

#[test]
fn rules_are_equal_when_their_texts_are() {
    let a = rule("keep", |text| text.regex = "x".to_owned());
    assert_eq!(a, a.clone());
    assert_ne!(a, a.clone().with_names(NameScheme::Utf8));
    assert_ne!(a, rule("keep", |text| text.regex = "y".to_owned()));
}

proptest! {
    #[test]
    fn name_templates_are_what_the_expression_says(text in "[ab1_$\\{\\}.-]{0,8}") {
        let expression = r"^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$";
        let expected = crate::regex::GoRegex::new(expression).expect("Alloy's own").is_match(&text);
        let mut rule = RuleText::new("labelmap");
        rule.replacement = text;
        prop_assert_eq!(Rule::new(rule, NameScheme::Legacy).is_ok(), expected);
    }
}
