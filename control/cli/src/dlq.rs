//! `invar dlq`: the records that destinations refused for good, beside a running process or without
//! one. A letter that is redriven is renamed; the process that runs the node sends it within
//! seconds, or when it is started.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use engine::outbox::{LETTER_KEPT, LETTER_REDRIVE, LETTERS_FOLDER, Letter};

use crate::exit::Failure;

#[derive(Subcommand, Debug)]
pub enum DlqCommand {
    /// The refused records, oldest first
    List(ListFlags),
    /// One refused record with the destination's answer
    Show(ShowFlags),
    /// Have refused records sent again
    Redrive(RedriveFlags),
}

#[derive(Args, Debug)]
pub struct ListFlags {
    /// The storage path
    #[arg(value_name = "DIR")]
    storage: PathBuf,
}

#[derive(Args, Debug)]
pub struct ShowFlags {
    /// The storage path
    #[arg(value_name = "DIR")]
    storage: PathBuf,
    /// As `list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Args, Debug)]
pub struct RedriveFlags {
    /// The storage path
    #[arg(value_name = "DIR")]
    storage: PathBuf,
    /// As `list` shows them
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// A file below the storage path.
struct Found {
    id: String,
    path: PathBuf,
    waits_for_sending: bool,
}

pub fn run(command: &DlqCommand) -> Result<(), Failure> {
    match command {
        DlqCommand::List(flags) => list(&flags.storage),
        DlqCommand::Show(flags) => show(&flags.storage, &flags.id),
        DlqCommand::Redrive(flags) => redrive(flags),
    }
}

fn list(storage: &Path) -> Result<(), Failure> {
    for found in find(storage)? {
        let letter = match read(&found.path) {
            Ok(letter) => letter,
            Err(error) => {
                println!("{}  cannot be read: {error}", found.id);
                continue;
            }
        };
        let state = if found.waits_for_sending {
            "redrive"
        } else {
            "kept"
        };
        println!(
            "{}  {state}  {}  {} -> {}  {} items, {} bytes  {}: {}",
            found.id,
            time(letter.refused_ms),
            letter.node,
            letter.destination,
            letter.items,
            letter.payload.len(),
            letter.reason,
            letter.message.lines().next().unwrap_or_default(),
        );
    }
    Ok(())
}

fn show(storage: &Path, id: &str) -> Result<(), Failure> {
    let found = named(find(storage)?, id)?;
    let letter = read(&found.path).map_err(|error| unusable(&found.path, &error))?;
    println!("component:   {}", letter.node);
    println!("destination: {}", letter.destination);
    println!("logged:      {}", time(letter.appended_ms));
    println!("refused:     {}", time(letter.refused_ms));
    println!("items:       {}", letter.items);
    println!("bytes:       {}", letter.payload.len());
    println!("reason:      {}", letter.reason);
    println!("answer:      {}", letter.message);
    println!("file:        {}", found.path.display());
    Ok(())
}

fn redrive(flags: &RedriveFlags) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    if flags.all {
        wanted = find(&flags.storage)?;
    } else {
        for id in &flags.ids {
            wanted.push(named(find(&flags.storage)?, id)?);
        }
    }
    let mut count = 0;
    for found in wanted.iter().filter(|found| !found.waits_for_sending) {
        // A letter that is damaged would be looked at for ever.
        read(&found.path).map_err(|error| unusable(&found.path, &error))?;
        fs::rename(&found.path, found.path.with_extension(LETTER_REDRIVE))
            .map_err(|error| unusable(&found.path, &error.to_string()))?;
        count += 1;
    }
    println!("{count} will be sent again");
    Ok(())
}

/// The letters of all nodes, oldest first: their names begin with the time.
fn find(storage: &Path) -> Result<Vec<Found>, Failure> {
    let fail = |path: &Path, error: &std::io::Error| unusable(path, &error.to_string());
    let mut found = Vec::new();
    for node in fs::read_dir(storage).map_err(|error| fail(storage, &error))? {
        let folder = node.map_err(|error| fail(storage, &error))?.path();
        let folder = folder.join(LETTERS_FOLDER);
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder).map_err(|error| fail(&folder, &error))? {
            let path = file.map_err(|error| fail(&folder, &error))?.path();
            let end = path.extension().and_then(|end| end.to_str());
            let waits_for_sending = end == Some(LETTER_REDRIVE);
            if !waits_for_sending && end != Some(LETTER_KEPT) {
                continue;
            }
            let id = path.file_stem().unwrap_or_default();
            found.push(Found {
                id: id.to_string_lossy().into_owned(),
                path,
                waits_for_sending,
            });
        }
    }
    found.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

fn named(found: Vec<Found>, id: &str) -> Result<Found, Failure> {
    let mut found = found.into_iter().filter(|found| found.id == id);
    found
        .next()
        .ok_or_else(|| Failure::message(format!("no refused record {id:?}; see invar dlq list")))
}

fn read(path: &Path) -> Result<Letter, String> {
    let file = fs::read(path).map_err(|error| error.to_string())?;
    Letter::decode(&file)
}

fn time(wall_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(wall_ms)
        .map_or_else(|_| wall_ms.to_string(), |time| time.to_string())
}

fn unusable(path: &Path, error: &str) -> Failure {
    Failure::message(format!("cannot use \"{}\": {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_redriven_once_and_a_damaged_one_never() {
        let storage = std::env::temp_dir().join(format!("invar-dlq-{}", std::process::id()));
        let folder = storage.join("a.b.c").join(LETTERS_FOLDER);
        fs::create_dir_all(&folder).expect("a folder");
        let letter = Letter {
            node: "a.b.c".to_owned(),
            destination: "d".to_owned(),
            reason: "rejected".to_owned(),
            message: "no".to_owned(),
            appended_ms: 1,
            refused_ms: 2,
            kind: 3,
            items: 4,
            payload: Vec::new().into(),
        };
        fs::write(folder.join("2-0-x.letter"), letter.encode()).expect("written");
        fs::write(folder.join("3-0-y.letter"), "{").expect("written");
        let again = |ids: &[&str]| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            redrive(&RedriveFlags {
                storage: storage.clone(),
                ids,
                all: false,
            })
        };
        assert!(list(&storage).is_ok() && show(&storage, "2-0-x").is_ok());
        assert!(again(&["2-0-x"]).is_ok() && again(&["2-0-x"]).is_ok());
        assert!(folder.join("2-0-x.redrive").exists());
        assert!(again(&["3-0-y"]).is_err() && again(&["4-0-z"]).is_err());
        assert!(folder.join("3-0-y.letter").exists());
        fs::remove_dir_all(&storage).expect("removed");
    }
}
