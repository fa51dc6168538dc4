//! What stands in `#[arg(...)]`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, LitStr, Path, Token, parenthesized};

/// Where a field's content comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Attribute,
    Block,
    Variants,
    Label,
    Flatten,
}

/// `#[arg(...)]` of a field or variant.
pub struct FieldArgs {
    pub place: Place,
    pub name: Option<LitStr>,
    pub required: bool,
    pub shown: bool,
    pub default: Option<Expr>,
    pub min: Option<Expr>,
    pub max: Option<Expr>,
    pub one_of: Vec<LitStr>,
    pub port: Option<Ident>,
    pub deprecated: Option<LitStr>,
    pub stability: Option<LitStr>,
    pub defaults: Vec<Override>,
}

/// `name = EXPR` in `defaults(...)`.
pub struct Override {
    pub name: Ident,
    pub value: Expr,
}

impl Parse for Override {
    fn parse(input: ParseStream<'_>) -> syn::Result<Override> {
        let name = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Override {
            name,
            value: input.parse()?,
        })
    }
}

impl FieldArgs {
    pub fn of(attributes: &[Attribute]) -> syn::Result<FieldArgs> {
        let mut args = FieldArgs {
            place: Place::Attribute,
            name: None,
            required: false,
            shown: false,
            default: None,
            min: None,
            max: None,
            one_of: Vec::new(),
            port: None,
            deprecated: None,
            stability: None,
            defaults: Vec::new(),
        };
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("arg"))
        {
            attribute.parse_nested_meta(|meta| args.set(meta))?;
        }
        Ok(args)
    }

    fn set(&mut self, meta: syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(key) = meta.path.get_ident() else {
            return Err(meta.error("expected a single name"));
        };
        match key.to_string().as_str() {
            "required" => self.required = true,
            "shown" => self.shown = true,
            "block" => self.place = Place::Block,
            "variants" => self.place = Place::Variants,
            "label" => self.place = Place::Label,
            "flatten" => self.place = Place::Flatten,
            "name" => self.name = Some(meta.value()?.parse()?),
            "default" => self.default = Some(meta.value()?.parse()?),
            "min" => self.min = Some(meta.value()?.parse()?),
            "max" => self.max = Some(meta.value()?.parse()?),
            "port" => self.port = Some(meta.value()?.parse()?),
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "stability" => self.stability = Some(meta.value()?.parse()?),
            "one_of" => self.one_of = list(&meta)?,
            "defaults" => self.defaults = list(&meta)?,
            other => return Err(meta.error(format!("unknown setting `{other}`"))),
        }
        Ok(())
    }
}

fn list<T: Parse>(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<Vec<T>> {
    let content;
    parenthesized!(content in meta.input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?
        .into_iter()
        .collect())
}

/// `#[arg(check = path)]` of a struct.
pub fn check_path(attributes: &[Attribute]) -> syn::Result<Option<Path>> {
    let mut check = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("arg"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") {
                return Err(meta.error("only `check` may stand on a struct"));
            }
            check = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(check)
}

/// The doc comment as one text, lines joined.
pub fn doc(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        if let syn::Meta::NameValue(meta) = &attribute.meta
            && let Expr::Lit(literal) = &meta.value
            && let syn::Lit::Str(text) = &literal.lit
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join(" ").trim().to_owned()
}

/// `FooBar` as `foo_bar`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.chars().enumerate() {
        if c.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
