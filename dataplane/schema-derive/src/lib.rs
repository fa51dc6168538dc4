//! The derives of `schema`: `Arguments` on structs and on enums of blocks, `Choice` on enums of
//! texts. They only spell out what is declared; all rules are in `schema`.

#![forbid(unsafe_code)]

mod arguments;
mod attributes;
mod choice;
mod variants;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, parse_macro_input};

/// Makes a struct the arguments of a component or block, or an enum a list of different blocks.
///
/// On a struct: `#[arg(check = Self::validate)]` names a `fn(&Self, &mut Check<'_>)`.
///
/// On a field, an attribute unless it says otherwise:
/// - `required`; `default = EXPR` (converted with `Into`; texts, numbers, `Duration`, enums); `name
///   = "x"`; `min = N`, `max = N`; `one_of("a", "b")`; `port = Metrics`; `deprecated = "what to
///   use"`; `stability = "experimental"`; `shown` (the API lists it even if it equals the default).
/// - `block`: of type `A` (absent means `A` without attributes), `Option<A>` or `Vec<A>`.
/// - `variants`: `Vec<E>` of an enum with this derive.
/// - `label`: a `String`, the block's label.
/// - `flatten`: another such struct, whose fields stand in this body; `defaults(name = EXPR)`
///   replaces defaults of its fields.
///
/// On an enum: each variant holds one struct; `#[arg(name = "stage.json")]` names its block.
#[proc_macro_derive(Arguments, attributes(arg))]
pub fn derive_arguments(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let output = match &input.data {
        Data::Struct(data) => arguments::derive(&input, data),
        Data::Enum(data) => variants::derive(&input, data),
        Data::Union(_) => Err(syn::Error::new_spanned(
            &input,
            "a union has no fields to read",
        )),
    };
    output.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum without fields the type of an attribute: a text that is one of the variants' names
/// in snake case, or as `#[arg(name = "x")]` says.
#[proc_macro_derive(Choice, attributes(arg))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
