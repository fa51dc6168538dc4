//! One name of a path: characters, `*`, `?` and classes.

use super::GlobError;

#[derive(Clone, Debug)]
pub(super) struct Name(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Character(char),
    /// `?`
    Any,
    /// `*`
    Star,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Name {
    pub(super) fn parse(text: &[char]) -> Result<Name, GlobError> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < text.len() {
            match text[at] {
                '*' => {
                    if !matches!(pieces.last(), Some(Piece::Star)) {
                        pieces.push(Piece::Star);
                    }
                    at += 1;
                }
                '?' => {
                    pieces.push(Piece::Any);
                    at += 1;
                }
                '[' => {
                    let (class, end) = class(text, at)?;
                    pieces.push(class);
                    at = end;
                }
                '\\' => {
                    let escaped = text.get(at + 1).ok_or(GlobError::Open('\\'))?;
                    pieces.push(Piece::Character(*escaped));
                    at += 2;
                }
                character => {
                    pieces.push(Piece::Character(character));
                    at += 1;
                }
            }
        }
        Ok(Name(pieces))
    }

    pub(super) fn is_literal(&self) -> bool {
        self.0
            .iter()
            .all(|piece| matches!(piece, Piece::Character(_)))
    }

    /// The name that a literal one stands for.
    pub(super) fn literal(&self) -> String {
        let characters = self.0.iter().filter_map(|piece| match piece {
            Piece::Character(character) => Some(*character),
            _ => None,
        });
        characters.collect()
    }

    pub(super) fn matches(&self, name: &str, fold_case: bool) -> bool {
        let characters: Vec<char> = name.chars().collect();
        let (mut at, mut on) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while on < characters.len() || at < self.0.len() {
            match self.0.get(at) {
                Some(Piece::Star) => {
                    back = Some((at, on));
                    at += 1;
                    continue;
                }
                Some(piece)
                    if on < characters.len() && piece.matches(characters[on], fold_case) =>
                {
                    at += 1;
                    on += 1;
                    continue;
                }
                _ => {}
            }
            match &mut back {
                Some((star, from)) if *from < characters.len() => {
                    *from += 1;
                    (at, on) = (*star + 1, *from);
                }
                _ => return false,
            }
        }
        true
    }
}

impl Piece {
    fn matches(&self, character: char, fold_case: bool) -> bool {
        match self {
            Piece::Any | Piece::Star => true,
            Piece::Character(own) if fold_case => own.to_lowercase().eq(character.to_lowercase()),
            Piece::Character(own) => *own == character,
            Piece::Class { negated, ranges } => {
                let within = |character: char| {
                    ranges
                        .iter()
                        .any(|(low, high)| *low <= character && character <= *high)
                };
                let mut inside = within(character);
                if fold_case {
                    inside |= character.to_lowercase().any(within);
                    inside |= character.to_uppercase().any(within);
                }
                inside != *negated
            }
        }
    }
}

/// The class that opens at `at`, and what follows it.
fn class(text: &[char], at: usize) -> Result<(Piece, usize), GlobError> {
    let open = GlobError::Open('[');
    let mut on = at + 1;
    let negated = matches!(text.get(on), Some('^' | '!'));
    on += usize::from(negated);
    let first = on;
    let mut ranges = Vec::new();
    loop {
        match text.get(on) {
            None => return Err(open),
            Some(']') if first < on => return Ok((Piece::Class { negated, ranges }, on + 1)),
            Some(_) => {}
        }
        let (low, after) = member(text, on)?;
        on = after;
        let mut high = low;
        if text.get(on) == Some(&'-') && !matches!(text.get(on + 1), Some(']') | None) {
            (high, on) = member(text, on + 1)?;
        }
        ranges.push((low, high));
    }
}

fn member(text: &[char], at: usize) -> Result<(char, usize), GlobError> {
    let open = GlobError::Open('[');
    match text.get(at) {
        Some('\\') => text.get(at + 1).map(|c| (*c, at + 2)).ok_or(open),
        Some(character) => Ok((*character, at + 1)),
        None => Err(open),
    }
}
