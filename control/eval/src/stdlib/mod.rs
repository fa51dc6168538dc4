//! The standard library: functions by name, in namespaces, with deprecated names.
//!
//! A function checks and converts its arguments through [`Call`], with the same rules as arguments
//! of components. `constants` and `module_path` are not functions; a scope holds them.

mod array;
mod call;
mod encoding;
mod json;
mod text;

use schema::{Function, Stability, Value};

use call::Call;

/// What a name of the standard library stands for.
#[derive(Clone, Copy)]
pub(crate) enum Builtin {
    Function(&'static Function),
    /// The functions `name.*`.
    Namespace(&'static [Function]),
}

/// The built-in of a name without dots.
pub(crate) fn builtin(name: &str) -> Option<Builtin> {
    if let Some(function) = GLOBAL.iter().find(|function| function.name == name) {
        return Some(Builtin::Function(function));
    }
    let (_, functions) = NAMESPACES
        .iter()
        .find(|(namespace, _)| *namespace == name)?;
    Some(Builtin::Namespace(functions))
}

/// Whether a first name that no component has means something all the same.
pub fn is_builtin(name: &str) -> bool {
    builtin(name).is_some() || SCOPED.contains(&name)
}

/// The function that the names `string`, `to_upper` or `coalesce` lead to.
pub fn function<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<&'static Function> {
    let mut names = names.into_iter();
    match builtin(names.next()?)? {
        Builtin::Function(function) => Some(function),
        Builtin::Namespace(functions) => in_namespace(functions, names.next()?),
    }
}

/// All functions, deprecated names among them.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    let in_namespaces = NAMESPACES.iter().flat_map(|(_, functions)| *functions);
    in_namespaces.chain(&GLOBAL)
}

/// The function of a namespace by its name there, `to_upper`.
pub(crate) fn in_namespace(
    functions: &'static [Function],
    name: &str,
) -> Option<&'static Function> {
    functions
        .iter()
        .find(|function| local_name(function) == name)
}

/// The name of a function without its namespace.
pub(crate) fn local_name(function: &'static Function) -> &'static str {
    function
        .name
        .rsplit('.')
        .next()
        .expect("a split has a last part")
}

/// All first names, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let global = GLOBAL.iter().map(|function| function.name);
    global
        .chain(NAMESPACES.iter().map(|(name, _)| *name))
        .chain(SCOPED)
}

/// The value of `constants`. Names of systems and processors are Go's, as configurations know them.
pub fn constants(hostname: &str, version: &str) -> Value {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Value::object([
        ("hostname", hostname.into()),
        ("os", os.into()),
        ("arch", arch.into()),
        ("version", version.into()),
    ])
}

/// Names that every scope holds.
const SCOPED: [&str; 2] = ["constants", "module_path"];

type Body = fn(&Call<'_>) -> Result<Value, schema::FunctionError>;

/// A function, as a row of the tables below.
macro_rules! function {
    ($name:literal, $body:path) => {
        Function {
            name: $name,
            replaced_by: None,
            stability: Stability::GenerallyAvailable,
            call: |arguments| {
                let body: Body = $body;
                body(&Call::new(arguments))
            },
        }
    };
    ($name:literal, $body:path, experimental) => {
        Function {
            stability: Stability::Experimental,
            ..function!($name, $body)
        }
    };
    ($name:literal, $body:path, replaced_by $new:literal) => {
        Function {
            replaced_by: Some($new),
            ..function!($name, $body)
        }
    };
}

static NAMESPACES: [(&str, &[Function]); 6] = [
    ("array", &ARRAY),
    ("convert", &CONVERT),
    ("encoding", &ENCODING),
    ("file", &FILE),
    ("string", &STRING),
    ("sys", &SYS),
];

static ARRAY: [Function; 3] = [
    function!("array.combine_maps", array::combine_maps, experimental),
    function!("array.concat", array::concat),
    function!("array.group_by", array::group_by, experimental),
];

static CONVERT: [Function; 1] = [function!("convert.nonsensitive", text::nonsensitive)];

static ENCODING: [Function; 9] = [
    function!("encoding.from_URLbase64", encoding::from_url_base64),
    function!("encoding.from_base64", encoding::from_base64),
    function!("encoding.from_json", json::from_json),
    function!("encoding.from_yaml", encoding::from_yaml),
    function!("encoding.to_URLbase64", encoding::to_url_base64),
    function!("encoding.to_base64", encoding::to_base64),
    function!("encoding.to_json", json::to_json),
    function!("encoding.url_decode", encoding::url_decode),
    function!("encoding.url_encode", encoding::url_encode),
];

static FILE: [Function; 1] = [function!("file.path_join", text::path_join)];

static STRING: [Function; 10] = [
    function!("string.format", text::format),
    function!("string.join", text::join),
    function!("string.replace", text::replace),
    function!("string.split", text::split),
    function!("string.to_lower", text::to_lower),
    function!("string.to_upper", text::to_upper),
    function!("string.trim", text::trim),
    function!("string.trim_prefix", text::trim_prefix),
    function!("string.trim_space", text::trim_space),
    function!("string.trim_suffix", text::trim_suffix),
];

static SYS: [Function; 1] = [function!("sys.env", text::env)];

static GLOBAL: [Function; 18] = [
    function!("coalesce", array::coalesce),
    function!("json_path", json::json_path),
    function!("base64_decode", encoding::from_base64, replaced_by "encoding.from_base64"),
    function!("concat", array::concat, replaced_by "array.concat"),
    function!("env", text::env, replaced_by "sys.env"),
    function!("format", text::format, replaced_by "string.format"),
    function!("join", text::join, replaced_by "string.join"),
    function!("json_decode", json::from_json, replaced_by "encoding.from_json"),
    function!("nonsensitive", text::nonsensitive, replaced_by "convert.nonsensitive"),
    function!("replace", text::replace, replaced_by "string.replace"),
    function!("split", text::split, replaced_by "string.split"),
    function!("to_lower", text::to_lower, replaced_by "string.to_lower"),
    function!("to_upper", text::to_upper, replaced_by "string.to_upper"),
    function!("trim", text::trim, replaced_by "string.trim"),
    function!("trim_prefix", text::trim_prefix, replaced_by "string.trim_prefix"),
    function!("trim_space", text::trim_space, replaced_by "string.trim_space"),
    function!("trim_suffix", text::trim_suffix, replaced_by "string.trim_suffix"),
    function!("yaml_decode", encoding::from_yaml, replaced_by "encoding.from_yaml"),
];
