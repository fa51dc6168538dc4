//! What the rules need of a `Cargo.toml`, read line by line: the manifests here are written simply.

/// A crate.
pub struct Manifest {
    /// Of the file, relative to the repository.
    pub path: String,
    pub name: String,
    pub dependencies: Vec<Dependency>,
    /// A workspace by itself, with its own rules.
    pub own_workspace: bool,
}

pub struct Dependency {
    pub name: String,
    pub line: usize,
    /// Only for tests and benches.
    pub dev: bool,
    /// Its version comes from the root manifest.
    pub from_workspace: bool,
}

impl Manifest {
    pub fn parse(path: &str, text: &str) -> Manifest {
        let mut manifest = Manifest {
            path: path.to_string(),
            name: String::new(),
            dependencies: Vec::new(),
            own_workspace: false,
        };
        let mut section = String::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name.to_string();
                manifest.own_workspace |= section == "workspace";
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            if section == "package" && key == "name" {
                manifest.name = value.trim_matches('"').to_string();
            } else if section.ends_with("dependencies") && !line.starts_with('#') {
                manifest.dependencies.push(Dependency {
                    name: key.split('.').next().unwrap_or(key).to_string(),
                    line: index + 1,
                    dev: section.ends_with("dev-dependencies"),
                    from_workspace: key.ends_with(".workspace")
                        || value.contains("workspace = true"),
                });
            }
        }
        manifest
    }

    /// The folder of the crate.
    pub fn folder(&self) -> &str {
        self.path
            .strip_suffix("/Cargo.toml")
            .expect("only Cargo.toml files are parsed")
    }

    /// The name of the top folder.
    pub fn top_folder(&self) -> &str {
        self.path
            .split('/')
            .next()
            .expect("split gives at least one part")
    }
}

#[test]
fn dependencies_are_read_from_every_section() {
    let text = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n# c = \"1\"\n\
                d = { workspace = true, features = [\"e\"] }\n\
                [target.'cfg(unix)'.dependencies]\nf = \"1\"\n\
                [dev-dependencies]\ng.workspace = true\n";
    let manifest = Manifest::parse("x/a/Cargo.toml", text);
    let read: Vec<_> = manifest
        .dependencies
        .iter()
        .map(|found| {
            (
                found.name.as_str(),
                found.line,
                found.dev,
                found.from_workspace,
            )
        })
        .collect();
    assert_eq!(manifest.name, "a");
    assert_eq!(
        read,
        [
            ("b", 4, false, true),
            ("d", 6, false, true),
            ("f", 8, false, false),
            ("g", 10, true, true)
        ]
    );
}
