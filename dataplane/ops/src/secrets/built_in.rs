//! Our own rules: what the makers of keys and tokens tell of their form, under the names that
//! gitleaks gives them.

use super::{Allowed, Pattern, Rule, Rules, Target};

/// What may follow a token.
const END: &str = r#"(?:[\x60'"\s;,)\]}<]|\\[nr"]|$)"#;

/// How a value is assigned to a name.
const ASSIGNED: &str = r#"[\w .\t-]{0,20}['"\s]{0,3}(?:=>|:=|\|\||\?=|[:=>,])[\x60'"\s=]{0,5}"#;

/// Name, word that occurs, bits a character, form: tokens that stand alone.
#[rustfmt::skip]
const TOKENS: &[(&str, &str, f64, &str)] = &[
    ("1password-service-account-token", "ops_", 4.0, r"ops_eyJ[a-zA-Z0-9+/]{250,}={0,3}"),
    ("adobe-client-secret", "p8e-", 2.0, r"p8e-(?i:[a-z0-9]{32})"),
    ("age-secret-key", "age-secret-key-1", 0.0,
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    ("airtable-personnal-access-token", "pat", 3.0, r"pat[[:alnum:]]{14}\.[a-f0-9]{64}"),
    ("alibaba-access-key-id", "ltai", 2.0, r"LTAI(?i:[a-z0-9]{20})"),
    ("anthropic-admin-api-key", "sk-ant-admin01", 0.0, r"sk-ant-admin01-[\w-]{93}AA"),
    ("anthropic-api-key", "sk-ant-api03", 0.0, r"sk-ant-api03-[\w-]{93}AA"),
    ("artifactory-api-key", "akcp", 4.5, r"AKCp[A-Za-z0-9]{69}"),
    ("atlassian-api-token", "atatt3", 3.5, r"ATATT3[\w=-]{186}"),
    ("aws-access-token", "a3t", 3.0, r"A3T[A-Z0-9][A-Z2-7]{16}"),
    ("aws-access-token", "akia", 3.0, r"AKIA[A-Z2-7]{16}"),
    ("aws-access-token", "asia", 3.0, r"ASIA[A-Z2-7]{16}"),
    ("aws-access-token", "abia", 3.0, r"ABIA[A-Z2-7]{16}"),
    ("aws-access-token", "acca", 3.0, r"ACCA[A-Z2-7]{16}"),
    ("clickhouse-cloud-api-secret-key", "4b1d", 3.0, r"4b1d[A-Za-z0-9]{38}"),
    ("clojars-api-token", "clojars_", 2.0, r"(?i)CLOJARS_[a-z0-9]{60}"),
    ("cloudflare-origin-ca-key", "v1.0-", 2.0, r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    ("databricks-api-token", "dapi", 3.0, r"dapi[a-f0-9]{32}(?:-\d)?"),
    ("digitalocean-access-token", "doo_v1_", 3.0, r"doo_v1_[a-f0-9]{64}"),
    ("digitalocean-pat", "dop_v1_", 3.0, r"dop_v1_[a-f0-9]{64}"),
    ("digitalocean-refresh-token", "dor_v1_", 0.0, r"(?i)dor_v1_[a-f0-9]{64}"),
    ("doppler-api-token", "dp.pt.", 2.0, r"dp\.pt\.(?i:[a-z0-9]{43})"),
    ("duffel-api-token", "duffel_", 2.0, r"duffel_(?:test|live)_(?i:[a-z0-9_=-]{43})"),
    ("dynatrace-api-token", "dt0c01.", 4.0, r"dt0c01\.(?i:[a-z0-9]{24}\.[a-z0-9]{64})"),
    ("easypost-api-token", "ezak", 2.0, r"EZAK(?i:[a-z0-9]{54})"),
    ("easypost-test-api-token", "eztk", 2.0, r"EZTK(?i:[a-z0-9]{54})"),
    ("facebook-page-access-token", "eaa", 4.0, r"EAA[MC](?i:[a-z0-9]{100,})"),
    ("flutterwave-public-key", "flwpubk_test", 2.0, r"FLWPUBK_TEST-(?i:[a-h0-9]{32})-X"),
    ("flutterwave-secret-key", "flwseck_test", 2.0, r"FLWSECK_TEST-(?i:[a-h0-9]{32})-X"),
    ("flyio-access-token", "fo1_", 4.0, r"fo1_[\w-]{43}"),
    ("flyio-access-token", "fm2_", 4.0, r"fm2_[a-zA-Z0-9+/]{100,}={0,3}"),
    ("frameio-api-token", "fio-u-", 0.0, r"fio-u-(?i:[a-z0-9_=-]{64})"),
    ("gcp-api-key", "aiza", 4.0, r"AIza[\w-]{35}"),
    ("github-app-token", "ghu_", 3.0, r"ghu_[0-9a-zA-Z]{36}"),
    ("github-app-token", "ghs_", 3.0, r"ghs_[0-9a-zA-Z]{36}"),
    ("github-fine-grained-pat", "github_pat_", 3.0, r"github_pat_\w{82}"),
    ("github-oauth", "gho_", 3.0, r"gho_[0-9a-zA-Z]{36}"),
    ("github-pat", "ghp_", 3.0, r"ghp_[0-9a-zA-Z]{36}"),
    ("github-refresh-token", "ghr_", 3.0, r"ghr_[0-9a-zA-Z]{36}"),
    ("gitlab-cicd-job-token", "glcbt-", 3.0, r"glcbt-[0-9a-zA-Z]{1,5}_[\w-]{20}"),
    ("gitlab-deploy-token", "gldt-", 3.0, r"gldt-[\w-]{20}"),
    ("gitlab-feature-flag-client-token", "glffct-", 3.0, r"glffct-[\w-]{20}"),
    ("gitlab-feed-token", "glft-", 3.0, r"glft-[\w-]{20}"),
    ("gitlab-incoming-mail-token", "glimt-", 3.0, r"glimt-[\w-]{25}"),
    ("gitlab-kubernetes-agent-token", "glagent-", 3.0, r"glagent-[\w-]{50}"),
    ("gitlab-oauth-app-secret", "gloas-", 3.0, r"gloas-[\w-]{64}"),
    ("gitlab-pat", "glpat-", 3.0, r"glpat-[\w-]{20}"),
    ("gitlab-ptt", "glptt-", 3.0, r"glptt-[0-9a-f]{40}"),
    ("gitlab-rrt", "gr1348941", 3.0, r"GR1348941[\w-]{20}"),
    ("gitlab-runner-authentication-token", "glrt-", 3.0, r"glrt-[\w-]{20}"),
    ("gitlab-scim-token", "glsoat-", 3.0, r"glsoat-[\w-]{20}"),
    ("grafana-api-key", "eyjrijoi", 3.0, r"eyJrIjoi[A-Za-z0-9]{70,400}={0,3}"),
    ("grafana-cloud-api-token", "glc_", 3.0, r"glc_[A-Za-z0-9+/]{32,400}={0,3}"),
    ("grafana-service-account-token", "glsa_", 3.0, r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    ("harness-api-key", "pat.", 0.0, r"pat\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    ("hashicorp-tf-api-token", "atlasv1", 3.5, r"(?i)[a-z0-9]{14}\.atlasv1\.[a-z0-9_=-]{60,70}"),
    ("heroku-api-key-v2", "hrku-aa", 4.0, r"HRKU-AA[\w-]{58}"),
    ("huggingface-access-token", "hf_", 2.0, r"hf_[a-zA-Z]{34}"),
    ("huggingface-organization-api-token", "api_org_", 2.0, r"api_org_[a-zA-Z]{34}"),
    ("infracost-api-token", "ico-", 3.0, r"ico-[a-zA-Z0-9]{32}"),
    ("jwt", "ey", 3.0, r"ey[a-zA-Z0-9]{17,}\.ey[\w/\\-]{17,}\.(?:[\w/\\-]{10,}={0,2})?"),
    ("linear-api-key", "lin_api_", 2.0, r"lin_api_(?i:[a-z0-9]{40})"),
    ("mapbox-api-token", "pk.", 0.0, r"pk\.[a-z0-9]{60}\.[a-z0-9]{22}"),
    ("new-relic-browser-api-token", "nrjs-", 0.0, r"NRJS-[a-f0-9]{19}"),
    ("new-relic-insert-key", "nrii-", 0.0, r"NRII-(?i:[a-z0-9-]{32})"),
    ("new-relic-user-api-key", "nrak", 0.0, r"NRAK-(?i:[a-z0-9]{27})"),
    ("notion-api-token", "ntn_", 4.0, r"ntn_[0-9]{11}[A-Za-z0-9]{35}"),
    ("npm-access-token", "npm_", 2.0, r"(?i)npm_[a-z0-9]{36}"),
    ("openai-api-key", "t3blbkfj", 3.0,
        r"sk-(?:(?:proj|svcacct|admin)-)?[\w-]{20,74}T3BlbkFJ[\w-]{20,74}"),
    ("openshift-user-token", "sha256~", 3.5, r"sha256~[\w-]{43}"),
    ("perplexity-api-key", "pplx-", 4.0, r"pplx-[a-zA-Z0-9]{48}"),
    ("planetscale-api-token", "pscale_tkn_", 3.0, r"pscale_tkn_[\w=.-]{32,64}"),
    ("planetscale-oauth-token", "pscale_oauth_", 3.0, r"pscale_oauth_[\w=.-]{32,64}"),
    ("planetscale-password", "pscale_pw_", 3.0, r"(?i)pscale_pw_[\w=.-]{32,64}"),
    ("postman-api-token", "pmak-", 3.0, r"PMAK-(?i:[a-f0-9]{24}-[a-f0-9]{34})"),
    ("prefect-api-token", "pnu_", 2.0, r"pnu_[a-zA-Z0-9]{36}"),
    ("pulumi-api-token", "pul-", 2.0, r"pul-[a-f0-9]{40}"),
    ("pypi-upload-token", "pypi-ageichlwas5vcmc", 3.0, r"pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}"),
    ("readme-api-token", "rdme_", 2.0, r"rdme_[a-z0-9]{70}"),
    ("rubygems-api-token", "rubygems_", 2.0, r"rubygems_[a-f0-9]{48}"),
    ("scalingo-api-token", "tk-us-", 2.0, r"tk-us-[\w-]{48}"),
    ("sendgrid-api-token", "sg.", 2.0, r"SG\.(?i:[a-z0-9=_.-]{66})"),
    ("sendinblue-api-token", "xkeysib-", 2.0, r"xkeysib-[a-f0-9]{64}-(?i:[a-z0-9]{16})"),
    ("sentry-user-token", "sntryu_", 3.5, r"sntryu_[a-f0-9]{64}"),
    ("shippo-api-token", "shippo_", 2.0, r"shippo_(?:live|test)_[a-fA-F0-9]{40}"),
    ("shopify-access-token", "shpat_", 2.0, r"shpat_[a-fA-F0-9]{32}"),
    ("shopify-custom-access-token", "shpca_", 2.0, r"shpca_[a-fA-F0-9]{32}"),
    ("shopify-private-app-access-token", "shppa_", 2.0, r"shppa_[a-fA-F0-9]{32}"),
    ("shopify-shared-secret", "shpss_", 2.0, r"shpss_[a-fA-F0-9]{32}"),
    ("slack-app-token", "xapp", 2.0, r"(?i)xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"),
    ("slack-bot-token", "xoxb", 3.0, r"xoxb-[0-9]{10,13}-[0-9]{10,13}[a-zA-Z0-9-]*"),
    ("slack-user-token", "xoxp-", 2.0, r"xoxp(?:-[0-9]{10,13}){3}-[a-zA-Z0-9-]{28,34}"),
    ("slack-user-token", "xoxe-", 2.0, r"xoxe(?:-[0-9]{10,13}){3}-[a-zA-Z0-9-]{28,34}"),
    ("square-access-token", "sq0atp-", 2.0, r"sq0atp-[\w-]{22,60}"),
    ("square-access-token", "eaaa", 2.0, r"EAAA[\w-]{22,60}"),
    ("stripe-access-token", "sk_", 2.0, r"sk_(?:test|live|prod)_[a-zA-Z0-9]{10,99}"),
    ("stripe-access-token", "rk_", 2.0, r"rk_(?:test|live|prod)_[a-zA-Z0-9]{10,99}"),
    ("telegram-bot-api-token", "telegr", 0.0, r"[0-9]{5,16}:A[\w-]{34}"),
    ("twilio-api-key", "sk", 3.0, r"SK[0-9a-fA-F]{32}"),
    ("typeform-api-token", "tfp_", 0.0, r"(?i)tfp_[a-z0-9_.=-]{59}"),
    ("vault-batch-token", "hvb.", 4.0, r"hvb\.[\w-]{138,300}"),
    ("vault-service-token", "hvs.", 3.5, r"hvs\.[\w-]{90,120}"),
];

/// Name, word that occurs, bits a character, name that is assigned to, form of the value.
#[rustfmt::skip]
const ASSIGNMENTS: &[(&str, &str, f64, &str, &str)] = &[
    ("algolia-api-key", "algolia", 0.0, "algolia", "[a-z0-9]{32}"),
    ("cloudflare-api-key", "cloudflare", 2.0, "cloudflare", "[a-z0-9_-]{40}"),
    ("codecov-access-token", "codecov", 0.0, "codecov", "[a-z0-9]{32}"),
    ("confluent-access-token", "confluent", 0.0, "confluent", "[a-z0-9]{16}"),
    ("datadog-access-token", "datadog", 0.0, "datadog", "[a-z0-9]{40}"),
    ("discord-api-token", "discord", 0.0, "discord", "[a-f0-9]{64}"),
    ("droneci-access-token", "droneci", 0.0, "droneci", "[a-z0-9]{32}"),
    ("fastly-api-token", "fastly", 0.0, "fastly", "[a-z0-9=_-]{32}"),
    ("heroku-api-key", "heroku", 0.0, "heroku",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("mailchimp-api-key", "mailchimp", 0.0, "MailchimpSDK.initialize|mailchimp",
        r"[a-f0-9]{32}-us\d\d"),
    ("mailgun-private-api-token", "mailgun", 0.0, "mailgun", "key-[a-f0-9]{32}"),
    ("netlify-access-token", "netlify", 0.0, "netlify", "[a-z0-9=_-]{40,46}"),
    ("okta-access-token", "okta", 4.0, "(?-i:[Oo]kta|OKTA)", r"00[\w=-]{40}"),
    ("snyk-api-token", "snyk", 0.0, "snyk",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("travisci-access-token", "travis", 0.0, "travis", "[a-z0-9]{22}"),
    ("twitch-api-token", "twitch", 0.0, "twitch", "[a-z0-9]{30}"),
];

/// Words of names that promise a secret, whatever its form.
const GENERIC: &[&str] = &[
    "access",
    "api",
    "auth",
    "key",
    "credential",
    "creds",
    "passwd",
    "password",
    "secret",
    "token",
];

/// What names like those of keys are also used for.
const NOT_GENERIC: &str = "(?i)(?:access(?:ibility|or)|random.?access|author|api.?(?:version|id|\
    name)|rapid|capital|csrf|monkey|turkey|keying|(?:primary|foreign|public|sort|cache|partition|\
    natural|index|hash).?key|key.?(?:board|code|frame|name|id|length|size|word|press|ring|stone|\
    store|alias|file|path)|(?:secret|token).?(?:name|length|size|type|file|id|ur[il]|endpoint))";

impl Rules {
    /// Our own list.
    #[must_use]
    pub fn built_in() -> Rules {
        let rule = |id: &str, words: &[&str], entropy: f64, pattern: String| Rule {
            id: id.to_owned(),
            pattern: Pattern::new(pattern),
            group: 0,
            entropy,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            allowed: Vec::new(),
        };
        let mut rules = Vec::new();
        for (id, word, entropy, form) in TOKENS {
            let mut rule = rule(id, &[word], *entropy, format!(r"\b({form}){END}"));
            if *id == "aws-access-token" {
                rule.allowed.push(patterns(Target::Secret, &[".+EXAMPLE$"]));
            }
            rules.push(rule);
        }
        for (id, word, entropy, name, form) in ASSIGNMENTS {
            let pattern = format!("(?i)(?:{name}){ASSIGNED}({form}){END}");
            rules.push(rule(id, &[word], *entropy, pattern));
        }
        let webhook = r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}";
        let webhook = format!("((?:https?://)?{webhook})");
        rules.push(rule(
            "slack-webhook-url",
            &["hooks.slack.com"],
            0.0,
            webhook,
        ));
        let block = r"(?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S-]{64,}?";
        let block = format!("{block}KEY(?: BLOCK)?-----");
        rules.push(rule("private-key", &["-----begin"], 0.0, block));
        rules.push(generic(rule));
        Rules {
            rules,
            allowed: vec![placeholders()],
        }
    }
}

fn generic(rule: impl Fn(&str, &[&str], f64, String) -> Rule) -> Rule {
    let names = "access|auth|(?-i:[Aa]pi|API)|credential|creds|key|passw(?:or)?d|secret|token";
    let value = "[a-z0-9_.=-]{10,150}|[a-z0-9][a-z0-9+/]{11,}={0,3}";
    let pattern = format!(r"(?i)[\w.-]{{0,50}}?(?:{names}){ASSIGNED}({value}){END}");
    let mut rule = rule("generic-api-key", GENERIC, 3.5, pattern);
    rule.allowed
        .push(patterns(Target::Secret, &["^[a-zA-Z_.-]+$"]));
    rule.allowed.push(patterns(Target::Match, &[NOT_GENERIC]));
    rule
}

/// What stands where a secret will be put.
fn placeholders() -> Allowed {
    let patterns = [
        "(?i)^true|false|null$",
        r"^\$\{?\w+\}?$",
        r"^\$?\{\{.*\}\}$",
        r"^%\w+%$",
        r"^\*+$",
        r"^\.+$",
        r"^<.*>$",
    ];
    self::patterns(Target::Secret, &patterns)
}

fn patterns(target: Target, patterns: &[&str]) -> Allowed {
    let patterns = patterns.iter().map(|text| Pattern::new((*text).to_owned()));
    Allowed {
        target,
        patterns: patterns.collect(),
        ..Allowed::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::GoRegex;

    #[test]
    fn every_pattern_compiles_and_has_its_word_in_small_letters() {
        let rules = Rules::built_in();
        let of_rules = rules.rules.iter().flat_map(|rule| &rule.allowed);
        let allowed = rules.allowed.iter().chain(of_rules);
        let allowed = allowed.flat_map(|allowed| &allowed.patterns);
        let patterns = rules.rules.iter().map(|rule| &rule.pattern);
        for pattern in patterns.chain(allowed) {
            GoRegex::new(&pattern.text).expect(&pattern.text);
        }
        for rule in &rules.rules {
            assert!(!rule.words.is_empty(), "{}", rule.id);
            for word in &rule.words {
                assert_eq!(*word, word.to_lowercase(), "{}", rule.id);
            }
        }
    }
}
