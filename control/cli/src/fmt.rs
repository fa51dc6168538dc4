//! `invar fmt`: prints a configuration in canonical form, rewrites it, or tests that it is so.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};

use crate::exit::Failure;

#[derive(Args, Debug)]
pub struct FmtFlags {
    /// The file to format; none or - is standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,

    /// Write the result to the file instead of standard output
    #[arg(short = 'w', long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    write: bool,

    /// Only test: end with a failure when the file is not formatted
    #[arg(short = 't', long, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    test: bool,
}

pub fn run(flags: &FmtFlags) -> Result<(), Failure> {
    let stdin = flags.file == Path::new("-");
    if stdin && flags.write {
        return Err(Failure::message(
            "-w needs a file; standard input cannot be written to",
        ));
    }
    let name = if stdin {
        "<stdin>".to_owned()
    } else {
        flags.file.display().to_string()
    };
    let text = read(&flags.file, stdin)?;
    let formatted = match syntax::format(&text) {
        Ok(formatted) => formatted,
        Err(found) => {
            let mut sources = syntax::SourceMap::new();
            sources.add(name, text);
            eprint!("{}", syntax::render_all(&found, &sources));
            return Err(Failure::reported());
        }
    };
    if flags.test {
        return match formatted == text {
            true => Ok(()),
            false => Err(Failure::message(format!(
                "{name} is not formatted; run invar fmt -w"
            ))),
        };
    }
    if !flags.write {
        print!("{formatted}");
        return Ok(());
    }
    if formatted == text {
        return Ok(());
    }
    write(&flags.file, &formatted)
}

fn read(file: &Path, stdin: bool) -> Result<String, Failure> {
    let bytes = if stdin {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        read.map_err(|error| Failure::message(format!("cannot read standard input: {error}")))?;
        bytes
    } else {
        std::fs::read(file).map_err(|error| {
            Failure::message(format!(
                "cannot read {:?}: {error}",
                file.display().to_string()
            ))
        })?
    };
    String::from_utf8(bytes).map_err(|_| Failure::message("the file is not UTF-8 text"))
}

/// Replaces the file in one step, so that a crash leaves the old or the new text, and keeps its
/// permissions.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::message(format!(
            "cannot write {:?}: {error}",
            file.display().to_string()
        ))
    };
    // A link stays a link: what it points to is replaced.
    let target = std::fs::canonicalize(file).map_err(failed)?;
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let scratch = target.with_file_name(name);
    let written = std::fs::write(&scratch, text)
        .and_then(|()| std::fs::set_permissions(&scratch, permissions))
        .and_then(|()| std::fs::rename(&scratch, &target));
    written.map_err(|error| {
        // The scratch file may not be there at all; the first error is the one to tell.
        drop(std::fs::remove_file(&scratch));
        failed(error)
    })
}
