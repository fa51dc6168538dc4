//! Templates: syntax, data, functions.

use super::*;

fn run(template: &str) -> Result<String, String> {
    let data = |name: &str| match name {
        "v" => Some(Val::text("alpha beta")),
        "n" => Some(Val::text("12")),
        _ => None,
    };
    let names = || vec!["n".to_owned(), "v".to_owned()];
    let mut environment = Environment::new(1);
    environment.now_ns = 1_136_239_445_000_000_000;
    let mut out = String::new();
    Template::parse(template)?.write(&data, &names, &mut environment, &mut out)?;
    Ok(out)
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(run(template).as_deref(), Ok(*expected), "{template}");
    }
}

#[test]
fn actions_and_blocks_are_those_of_go() {
    check(&[
        ("a{{ .v }}b", "aalpha betab"),
        (
            "{{ .gone }}{{ if .gone }}x{{ else if .n }}y{{ else }}z{{ end }}",
            "<no value>y",
        ),
        ("x {{- .n -}} y", "x12y"),
        ("{{/* nothing */}}a{{- /* nor here */ -}} b", "ab"),
        (
            "{{ with .n }}{{ . }}{{ $.v }}{{ else }}-{{ end }}",
            "12alpha beta",
        ),
        ("{{ with .gone }}x{{ else with .n }}{{ . }}{{ end }}", "12"),
        (
            "{{ range $i, $x := splitList \" \" .v }}{{ $i }}={{ $x }};{{ end }}",
            "0=alpha;1=beta;",
        ),
        ("{{ range list }}x{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        (
            "{{ range until 9 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if gt . 3 }}\
             {{ break }}{{ end }}\
          {{ . }}{{ end }}",
            "023",
        ),
        (
            "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
            "2",
        ),
        (
            "{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .n }}",
            "<12>",
        ),
        ("{{ block \"b\" .n }}[{{ . }}]{{ end }}", "[12]"),
        ("{{ (index (list \"a\" \"b\") 1) | upper }}", "B"),
        (
            "{{ `raw \\n` }}{{ \"\\u00e9\\x41\" }}{{ 'a' }}",
            "raw \\néA97",
        ),
        (
            "{{ 0x10 }} {{ 1_000 }} {{ 1.5 }} {{ -3 }} {{ 1e3 }}",
            "16 1000 1.5 -3 1000",
        ),
        ("{{ range $k, $v := . }}{{ $k }}{{ end }}", "nv"),
        ("{{ (dict \"a\" (dict \"b\" 1)).a.b }}", "1"),
        ("{{ .v | len | printf \"%03d\" }}", "010"),
        (
            "{{ true }}{{ and 1 0 2 }}{{ or \"\" \"x\" }}{{ not 1 }}",
            "true0xfalse",
        ),
    ]);
}

#[test]
fn what_is_no_template_is_refused() {
    for template in [
        "{{ .v ",
        "{{ if .v }}",
        "{{ end }}",
        "{{ else }}",
        "{{ nope }}",
        "{{ $x }}",
        "{{ \"a }}",
        "{{ .v | }}",
        "{{ }}",
        "{{ nil }}",
        "{{ 1 2 }}",
        "{{ .v }",
        "{{ break }}",
        "{{ (.v }}",
        "{{ .v | 1 }}",
        "{{ 1x }}",
        "{{ template x }}",
        "{{ env \"HOME\" }}",
        "{{ .v.}}",
        "{{ \"\\q\" }}",
        "{{ range $a, $b, $c := .v }}{{ end }}",
        "{{ if }}{{ end }}",
        "{{ .v.b! }}",
        "{{/* x }}",
        "{{ define \"a\" }}",
        "{{ $ = 1 }}{{ $y = 2 }}",
    ] {
        assert!(Template::parse(template).is_err(), "{template}");
    }
    let error = Template::parse("a\nb {{ nope }}").expect_err("no such function");
    assert_eq!(error, "template: line 2: function \"nope\" not defined");
}

#[test]
fn what_fails_while_running_is_told() {
    for template in [
        "{{ ToUpper .gone }}",
        "{{ fail \"x\" }}",
        "{{ index (list 1) 5 }}",
        "{{ .v.x }}",
        "{{ div 1 0 }}",
        "{{ lt .v 1 }}",
        "{{ template \"t\" }}",
        "{{ repeat 99999999 .v }}",
        "{{ range until 200000 }}{{ . }}{{ end }}",
        "{{ upper 1 }}",
        "{{ .v 1 }}",
        "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}",
        "{{ .gone.x }}",
        "{{ mustFromJson \"x\" }}",
        "{{ first 1 }}",
        "{{ eq (list) (list) }}",
    ] {
        assert!(
            run(template).is_err(),
            "{template} gave {:?}",
            run(template)
        );
    }
}

#[test]
fn texts_are_changed_as_sprig_does() {
    check(&[
        (
            "{{ trunc 3 .v }}|{{ trunc -3 .v }}|{{ title .v }}|{{ repeat 2 \"ab\" }}",
            "alp|eta|Alpha Beta|abab",
        ),
        (
            "{{ substr 1 3 .v }}|{{ nospace .v }}|{{ contains \"a\" .v }}|\
             {{ hasPrefix \"al\" .v }}",
            "lp|alphabeta|true|true",
        ),
        (
            "{{ quote .v 1 }}|{{ squote .n }}|{{ cat 1 .n true }}",
            "\"alpha beta\" \"1\"|'12'|1 12 true",
        ),
        (
            "{{ abbrev 8 .v }}|{{ abbrevboth 5 10 \"1234 5678 9123\" }}",
            "alpha...|...5678...",
        ),
        (
            "{{ initials .v }}|{{ swapcase \"aBc\" }}|{{ untitle \"Ab Cd\" }}",
            "ab|AbC|ab cd",
        ),
        (
            "{{ snakecase \"FirstName\" }}|{{ kebabcase \"HTTPServer x\" }}|\
             {{ camelcase \"http_server\" }}",
            "first_name|http-server-x|HttpServer",
        ),
        (
            "{{ wrap 6 .v }}|{{ wrapWith 5 \"-\" .v }}",
            "alpha\nbeta|alpha-beta",
        ),
        (
            "{{ indent 2 \"a\\nb\" }}|{{ nindent 1 \"a\" }}",
            "  a\n  b|\n a",
        ),
        (
            "{{ plural \"one\" \"many\" 2 }}{{ plural \"one\" \"many\" 1 }}",
            "manyone",
        ),
        (
            "{{ (split \"$\" \"a$b\")._1 }}{{ (splitn \"$\" 2 \"a$b$c\")._1 }}",
            "bb$c",
        ),
        (
            "{{ splitList \" \" .v | join \"+\" }}|{{ join \",\" (list 1 2) }}",
            "alpha+beta|1,2",
        ),
        (
            "{{ sortAlpha (list \"b\" \"a\") }}|{{ toStrings (list 1 true) }}",
            "[a b]|[1 true]",
        ),
        (
            "{{ replace \"l\" \"L\" .v }}|{{ Replace \"aaa\" \"a\" \"b\" 2 }}",
            "aLpha beta|bba",
        ),
        (
            "{{ trimAll \"$\" \"$5$\" }}{{ trimSuffix \"-\" \"a-\" }}{{ trimPrefix \"-\" \"-a\" }}",
            "5aa",
        ),
        (
            "{{ randAlphaNum 5 | len }}{{ shuffle \"aaa\" }}{{ uuidv4 | len }}",
            "5aaa36",
        ),
    ]);
}

#[test]
fn numbers_are_computed_as_sprig_does() {
    check(&[
        (
            "{{ add 1 2 \"3\" }} {{ sub 5 7 }} {{ mul 3 4 }} {{ div 7 2 }} {{ mod 7 3 }}",
            "6 -2 12 3 1",
        ),
        (
            "{{ max 1 5 3 }} {{ min 4 2 }} {{ add1 .n }} {{ biggest 1 2 }}",
            "5 2 13 2",
        ),
        (
            "{{ addf 0.1 0.2 }} {{ subf 1 0.5 }} {{ mulf 1.5 2 }} {{ divf 1 4 }}",
            "0.3 0.5 3 0.25",
        ),
        (
            "{{ round 123.5555 3 }} {{ ceil 1.2 }} {{ floor -1.2 }} {{ round -2.5 0 }}",
            "123.556 2 -2 -3",
        ),
        (
            "{{ int \"0x10\" }} {{ int64 \"7.0\" }} {{ float64 \"1.5\" }} {{ atoi \"x\" }} \
             {{ toDecimal \"777\" }}",
            "16 7 1.5 0 511",
        ),
        (
            "{{ until 3 }} {{ untilStep 3 0 -1 }} {{ seq 5 }} {{ seq 0 2 6 }} {{ seq 2 -1 }}",
            "[0 1 2] [3 2 1] 1 2 3 4 5 0 2 4 6 2 1 0 -1",
        ),
        (
            "{{ 1000000.0 }} {{ 123456.5 }} {{ 0.00001 }} {{ 1e21 }}",
            "1e+06 123456.5 1e-05 1e+21",
        ),
        (
            "{{ eq 1 1 2 }} {{ ne .v .n }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt \"b\" \"a\" }} \
             {{ ge 1.5 2.5 }}",
            "true true true true true false",
        ),
        ("{{ eq .gone \"x\" }}{{ eq .n \"a\" \"12\" }}", "falsetrue"),
    ]);
}

#[test]
fn lists_and_maps_are_handled_as_sprig_does() {
    check(&[
        (
            "{{ $l := list 1 2 3 }}{{ first $l }}{{ last $l }}{{ rest $l }}{{ initial $l }}",
            "13[2 3][1 2]",
        ),
        (
            "{{ append (list 1) 2 }}{{ prepend (list 1) 0 }}{{ concat (list 1) (list 2) }}",
            "[1 2][0 1][1 2]",
        ),
        (
            "{{ reverse (list 1 2) }}{{ uniq (list 1 1 2) }}{{ without (list 1 2) 1 }}\
             {{ has 1 (list 1) }}",
            "[2 1][1 2][2]true",
        ),
        (
            "{{ compact (list 0 1 \"\") }}{{ slice (list 1 2 3) 1 2 }}{{ chunk 2 (list 1 2 3) }}",
            "[1][2][[1 2] [3]]",
        ),
        (
            "{{ $d := dict \"a\" 1 }}{{ $_ := set $d \"b\" 2 }}{{ $d }}{{ get $d \"a\" }}\
             {{ hasKey $d \"c\" }}",
            "map[a:1 b:2]1false",
        ),
        (
            "{{ keys (dict \"a\" 1) }}{{ values (dict \"a\" 1) }}\
             {{ pick (dict \"a\" 1 \"b\" 2) \"a\" }}\
          {{ omit (dict \"a\" 1 \"b\" 2) \"a\" }}",
            "[a][1]map[a:1]map[b:2]",
        ),
        (
            "{{ merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) }}\
             {{ mergeOverwrite (dict \"a\" 1) (dict \"a\" 2) }}",
            "map[a:1 b:3]map[a:2]",
        ),
        (
            "{{ dig \"a\" \"b\" \"none\" (dict \"a\" (dict \"b\" 1)) }}\
             {{ dig \"x\" \"none\" (dict) }}",
            "1none",
        ),
        (
            "{{ pluck \"a\" (dict \"a\" 1) (dict \"a\" 2) }}{{ index (dict \"a\" 1) \"a\" }}",
            "[1 2]1",
        ),
        (
            "{{ default \"d\" .gone }}{{ default \"d\" .n }}{{ coalesce 0 \"\" 5 }}{{ empty 0 }}",
            "d125true",
        ),
        (
            "{{ ternary \"yes\" \"no\" (gt 2 1) }}{{ all 1 0 }}{{ any 1 0 }}",
            "yesfalsetrue",
        ),
        (
            "{{ typeOf 1 }} {{ kindOf (list) }} {{ typeIs \"string\" .v }} {{ kindIs \
             \"map\" (dict) }}",
            "int slice true true",
        ),
        (
            "{{ deepEqual (list 1 (dict \"a\" 2)) (list 1 (dict \"a\" 2)) }}",
            "true",
        ),
    ]);
}

#[test]
fn encodings_dates_paths_and_patterns_work() {
    check(&[
        (
            "{{ b64enc .v }} {{ b64enc .v | b64dec }} {{ b32enc \"a\" }} {{ b32enc \
             \"hello\" | b32dec }}",
            "YWxwaGEgYmV0YQ== alpha beta ME====== hello",
        ),
        (
            "{{ sha1sum \"a\" }} {{ adler32sum \"a\" }} {{ sha256sum \"\" | trunc 8 }} {{ \
             sha512sum \"\" | trunc 8 }}",
            "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 6422626 e3b0c442 cf83e135",
        ),
        (
            "{{ Hash \"a\" \"b\" | trunc 8 }} {{ Sha2Hash \"a\" \"b\" | trunc 8 }}",
            "5c828b33 fb8e20fc",
        ),
        (
            "{{ toJson (dict \"a\" (list 1 \"<\" nil)) }}{{ toRawJson \"<\" }}",
            "{\"a\":[1,\"\\u003c\",null]}\"<\"",
        ),
        (
            "{{ (fromJson \"{\\\"a\\\":[1,2]}\").a }}{{ fromJson \"x\" }}",
            "[1 2]<no value>",
        ),
        (
            "{{ now | date \"2006-01-02 15:04\" }} {{ dateInZone \"15:04 MST\" 0 \
             \"Asia/Kolkata\" }}",
            "2006-01-02 22:04 05:30 IST",
        ),
        (
            "{{ now | dateModify \"-1h\" | unixEpoch }} {{ toDate \"2006\" \"1970\" | \
             unixEpoch }} {{ htmlDate 0 }}",
            "1136235845 0 1970-01-01",
        ),
        (
            "{{ duration 95 }} {{ durationRound \"2h10m\" }} {{ ago 1136239440 }}",
            "1m35s 2h 5s",
        ),
        (
            "{{ base \"/a/b.c\" }} {{ dir \"/a/b\" }} {{ ext \"x.tar.gz\" }} {{ clean \
             \"a/../b//c\" }} {{ isAbs \"/\" }}",
            "b.c /a .gz b/c true",
        ),
        (
            "{{ $u := urlParse \"http://u:p@h:80/x?q=1#f\" }}\
             {{ $u.host }} {{ $u.hostname }} {{ urlJoin $u }}",
            "h:80 h http://u:p@h:80/x?q=1#f",
        ),
        (
            "{{ regexMatch \"^a\" .v }} {{ regexFind \"[b-z]+\" .v }} {{ regexFindAll \
             \"a.\" .v -1 }}",
            "true lph [al a ]",
        ),
        (
            "{{ regexReplaceAll \"(n)(a)\" \"banana\" \"$2$1\" }}|\
             {{ regexReplaceAllLiteral \"n\" \"ana\" \"$1\" }}",
            "baanan|a$1a",
        ),
        (
            "{{ regexSplit \"z+\" \"pizza\" -1 }}{{ regexQuoteMeta \"1.2\" }}",
            "[pi a]1\\.2",
        ),
        (
            "{{ semverCompare \"^1.2.0\" \"1.9.0\" }}{{ semverCompare \">=2\" \"1.9.0\" }}\
             {{ (semver \"1.2.3-b\").Prerelease }}",
            "truefalseb",
        ),
        (
            "{{ html \"<a>\" }} {{ js \"'a\" }} {{ urlquery \"a b&\" }}",
            "&lt;a&gt; \\'a a+b%26",
        ),
    ]);
}

#[test]
fn printf_has_the_verbs_of_go() {
    check(&[
        (
            "{{ printf \"%05d|%-5d|%+d|%x|%X|%o|%b|%c|%q\" 42 42 42 255 255 8 5 65 \"a\" }}",
            "00042|42   |+42|ff|FF|10|101|A|\"a\"",
        ),
        (
            "{{ printf \"%s|%10s|%-4s|%.2s|%v|%t|%T\" \"a\" \"b\" \"c\" \"def\" 1 true 1.5 }}",
            "a|         b|c   |de|1|true|float64",
        ),
        (
            "{{ printf \"%f|%.2f|%8.3f|%e|%g|%.3g\" 1.5 1.256 3.14159 1234.5 1e21 1234.5 }}",
            "1.500000|1.26|   3.142|1.234500e+03|1e+21|1.23e+03",
        ),
        ("{{ printf \"%d %s\" \"x\" 5 }}", "%!d(string=x) %!s(int=5)"),
        (
            "{{ printf \"%d\" }} {{ printf \"a\" 1 }} {{ printf \"100%%\" }} {{ printf \"%\" }}",
            "%!d(MISSING) a%!(EXTRA int=1) 100% %!(NOVERB)",
        ),
        (
            "{{ printf \"%*d|%v|%s\" 4 7 (list 1 \"a\") (list \"x\") }}",
            "   7|[1 a]|[x]",
        ),
        ("{{ print 1 2 \"a\" 3 }}{{ println \"x\" 1 }}", "1 2a3x 1\n"),
    ]);
}
