//! The detector `system`: what the operating system tells of its machine.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use batch::otlp::AnyValue;
use os::host::Interface;

use super::arguments::System;
use super::{Detected, only, text};

/// Looks for what is wanted; a machine without a name is an error, as in Alloy.
pub async fn detect(settings: &System) -> Result<Detected, String> {
    let wanted = &settings.resource_attributes.0;
    let name = host_name(&settings.hostname_sources).await?;
    let facts = Facts {
        name,
        interfaces: match wanted.iter().any(|name| INTERFACES.contains(name)) {
            true => os::host::interfaces().map_err(|error| format!("interfaces: {error}"))?,
            false => Vec::new(),
        },
        cpu: file("/proc/cpuinfo").await.unwrap_or_default(),
        release: file("/etc/os-release").await.unwrap_or_default(),
        machine_id: machine_id().await,
        kernel: kernel().await,
    };
    Ok(Detected::new(only(wanted, |name| facts.attribute(name))))
}

/// Attributes that ask for the interfaces.
const INTERFACES: [&str; 3] = ["host.interface", "host.ip", "host.mac"];

/// The first name that a source has.
async fn host_name(sources: &[String]) -> Result<String, String> {
    let short = os::process::hostname();
    for source in sources {
        let (source, host) = (source.clone(), short.clone());
        let found = runtime::service::blocking(move || named_by(&source, host)).await;
        match found {
            Ok(name) => return Ok(name.trim_end_matches('.').to_owned()),
            Err(error) => tracing::debug!("a source of the host's name has none: {error}"),
        }
    }
    Err("all hostname sources failed to get hostname".to_owned())
}

/// The name by one source. Waits for the resolver.
fn named_by(source: &str, host: String) -> std::io::Result<String> {
    match source {
        "os" => Ok(host),
        "dns" | "cname" => os::host::canonical_name(&host),
        _ => {
            let mut last = std::io::ErrorKind::NotFound.into();
            for address in std::net::ToSocketAddrs::to_socket_addrs(&(&*host, 0))? {
                match os::host::name_of(address.ip()) {
                    Ok(name) => return Ok(name),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

async fn file(path: &str) -> Option<String> {
    let content = runtime::fs::read(Path::new(path)).await.ok()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}

/// The identity that the machine got when it was installed.
async fn machine_id() -> Option<String> {
    for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
        if let Some(id) = file(path).await.filter(|id| !id.trim().is_empty()) {
            return Some(id.trim().to_owned());
        }
    }
    None
}

/// As `uname -srvm` with the host's name prints it; empty where the system does not tell.
async fn kernel() -> Kernel {
    let mut kernel = Kernel::default();
    for name in ["ostype", "hostname", "osrelease", "version"] {
        if let Some(part) = file(&format!("/proc/sys/kernel/{name}")).await {
            let part = part.trim();
            if name == "osrelease" {
                part.clone_into(&mut kernel.release);
            }
            let _infallible = write!(kernel.text, "{part} ");
        }
    }
    if !kernel.text.is_empty() {
        kernel.text.push_str(&os::host::machine());
    }
    kernel
}

#[derive(Default)]
struct Kernel {
    text: String,
    release: String,
}

/// What was read, before it is known what of it is wanted.
struct Facts {
    name: String,
    interfaces: Vec<Interface>,
    cpu: String,
    release: String,
    machine_id: Option<String>,
    kernel: Kernel,
}

impl Facts {
    fn attribute(&self, name: &str) -> Option<AnyValue<'static>> {
        match name {
            "host.name" => Some(text(&*self.name)),
            "host.arch" => Some(text(arch(std::env::consts::ARCH))),
            "host.id" => self.machine_id.clone().map(text),
            "host.interface" => list(self.interfaces.iter().map(|it| it.name.clone())),
            "host.ip" => list(self.addresses().map(|address| address.to_string())),
            "host.mac" => list(self.others().filter_map(|it| it.hardware).map(hardware)),
            "host.cpu.cache.l2.size" => {
                let size = self.cpu("cache size")?;
                let number = size.split(' ').next()?.parse().ok()?;
                Some(AnyValue::Int(number))
            }
            "host.cpu.family" => self.cpu("cpu family").map(text),
            "host.cpu.model.id" => self.cpu("model").map(text),
            "host.cpu.model.name" => self.cpu("model name").map(text),
            "host.cpu.stepping" => self.cpu("stepping").map(text),
            "host.cpu.vendor.id" => self.cpu("vendor_id").map(text),
            "os.type" => Some(text(os_type(std::env::consts::OS))),
            "os.name" => self.released("ID").map(text),
            "os.version" => self.released("VERSION_ID").map(text),
            "os.build.id" => {
                let kernel = Some(&*self.kernel.release).filter(|it| !it.is_empty());
                self.released("BUILD_ID").or(kernel).map(text)
            }
            "os.description" => self.description().map(text),
            _ => None,
        }
    }

    /// Interfaces that are up and lead out of the machine.
    fn others(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.iter().filter(|it| it.up && !it.loopback)
    }

    fn addresses(&self) -> impl Iterator<Item = &IpAddr> {
        let addresses = self.others().flat_map(|it| &it.addresses);
        addresses.filter(|address| !address.is_loopback())
    }

    /// A line of the first processor.
    fn cpu(&self, wanted: &str) -> Option<&str> {
        let lines = self.cpu.lines().filter_map(|line| line.split_once(':'));
        let mut lines = lines.map(|(name, value)| (name.trim(), value.trim()));
        lines
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    fn released(&self, wanted: &str) -> Option<&str> {
        let mut lines = self.release.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(name, _)| *name == wanted)?;
        Some(value.trim_matches('"')).filter(|value| !value.is_empty())
    }

    fn description(&self) -> Option<String> {
        let kernel = Some(&self.kernel.text).filter(|it| !it.is_empty());
        match (self.released("PRETTY_NAME"), kernel) {
            (Some(name), Some(kernel)) => Some(format!("{name} ({kernel})")),
            (Some(name), None) => Some(name.to_owned()),
            (None, kernel) => kernel.cloned(),
        }
    }
}

fn list(values: impl Iterator<Item = String>) -> Option<AnyValue<'static>> {
    let values: Vec<AnyValue<'_>> = values.map(text).collect();
    (!values.is_empty()).then_some(AnyValue::Array(values))
}

/// `AC-DE-48-23-45-67`.
fn hardware(address: [u8; 6]) -> String {
    let bytes = address.map(|byte| format!("{byte:02X}"));
    bytes.join("-")
}

/// Architectures as the conventions of OpenTelemetry spell them.
fn arch(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

fn os_type(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            name: "h1.example".to_owned(),
            interfaces: vec![
                interface("lo", true, "127.0.0.1"),
                interface("eth0", false, "10.0.0.7"),
            ],
            cpu: "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\ncache size\t: 512 KB\n\
                  processor\t: 1\nmodel\t\t: 86\n"
                .to_owned(),
            release: "PRETTY_NAME=\"Debian 12\"\nID=debian\nBUILD_ID=\n".to_owned(),
            machine_id: Some("abc".to_owned()),
            kernel: Kernel {
                text: "Linux h1 6.1 #1 x86_64".to_owned(),
                release: "6.1".to_owned(),
            },
        }
    }

    fn interface(name: &str, loopback: bool, address: &str) -> Interface {
        Interface {
            name: name.to_owned(),
            up: true,
            loopback,
            addresses: vec![address.parse().expect("an address")],
            hardware: (!loopback).then_some([0xac, 0xde, 0x48, 0, 1, 0x0f]),
        }
    }

    #[test]
    fn facts_are_spelled_as_the_conventions_have_them() {
        let facts = facts();
        for (name, expected) in [
            ("host.name", "h1.example"),
            ("host.id", "abc"),
            ("host.interface", r#"["lo","eth0"]"#),
            ("host.ip", r#"["10.0.0.7"]"#),
            ("host.mac", r#"["AC-DE-48-00-01-0F"]"#),
            ("host.cpu.vendor.id", "GenuineIntel"),
            ("host.cpu.model.id", "85"),
            ("host.cpu.cache.l2.size", "512"),
            ("os.name", "debian"),
            ("os.build.id", "6.1"),
            ("os.description", "Debian 12 (Linux h1 6.1 #1 x86_64)"),
        ] {
            let found = facts.attribute(name);
            let found = found.as_ref().map(crate::any_text::any_text);
            assert_eq!(found.as_deref(), Some(expected), "{name}");
        }
        assert_eq!(facts.attribute("os.version"), None);
    }

    #[test]
    fn a_host_has_the_name_of_the_first_source_that_knows_one() {
        runtime::sim::check(1, || async {
            let sources = ["os".to_owned()];
            let name = host_name(&sources).await;
            assert_eq!(name, Ok(os::process::hostname()));
            assert!(host_name(&[]).await.is_err());
        });
    }
}
