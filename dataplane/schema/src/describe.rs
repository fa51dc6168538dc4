//! The declaration of a component as JSON, for `invar components --json`.
