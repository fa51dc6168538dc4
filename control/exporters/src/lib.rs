//! The built-in exporters: `prometheus.exporter.*`, components that gather metrics of something
//! else than this process's pipelines and give targets to scrape them.
//!
//! A component exports targets whose address is the internal one of this process; the admin server
//! answers scrapes of it with the component's [`eval::Page`]. Everything runs beside the control
//! thread: gathering reads files on threads for blocking calls, sockets are tasks.
//!
//! Nouns: a *family* is a metric with its samples; a *page* is what one scrape gets; a *collector*
//! is one part of `prometheus.exporter.unix`.

#![forbid(unsafe_code)]
// Exporters read what the operating system tells in files, and open sockets of their own.
#![allow(clippy::disallowed_methods)]

pub mod blackbox;
mod exporter;
mod exporter_self;
mod exporter_static;
mod families;
mod file;
mod limits;
pub mod process;
pub mod statsd;
mod text;
pub mod unix;
mod yaml;

#[cfg(test)]
mod tests;

/// The components of this crate.
pub static COMPONENTS: &[&eval::Component] = &[
    &blackbox::COMPONENT,
    &exporter_self::COMPONENT,
    &exporter_static::COMPONENT,
    &process::COMPONENT,
    &statsd::COMPONENT,
    &unix::COMPONENT,
];
