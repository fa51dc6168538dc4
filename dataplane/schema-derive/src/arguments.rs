//! `Arguments` on a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DataStruct, DeriveInput, Expr, Field, GenericArgument, Lit, PathArguments, Type};

use crate::attributes::{FieldArgs, Place, check_path, doc};

/// How a block's struct is held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Plain,
    Option,
    Vec,
}

pub fn derive(input: &DeriveInput, data: &DataStruct) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let check = check_path(&input.attrs)?;
    let mut declarations = Vec::new();
    let mut reads = Vec::new();
    let mut names = Vec::new();
    for field in &data.fields {
        let Some(ident) = &field.ident else {
            return Err(syn::Error::new_spanned(field, "fields need names"));
        };
        let args = FieldArgs::of(&field.attrs)?;
        declarations.push(declare(field, &args)?);
        let read = read(field, &args);
        reads.push(quote! { let #ident = #read; });
        names.push(ident);
    }
    let finish = match check {
        Some(check) => quote! { reader.check(value, #check) },
        None => quote! { ::core::option::Option::Some(value) },
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::schema::Arguments for #name {
            fn schema() -> &'static ::schema::BodySchema {
                static SCHEMA: ::std::sync::OnceLock<::schema::BodySchema> =
                    ::std::sync::OnceLock::new();
                SCHEMA.get_or_init(|| {
                    #[allow(unused_mut)]
                    let mut schema = ::schema::BodySchema::default();
                    #(#declarations)*
                    schema
                })
            }

            fn read(
                #[allow(unused_variables)] reader: &mut ::schema::Reader<'_>,
            ) -> ::core::option::Option<Self> {
                #(#reads)*
                // Only now, so that every field reports its mistakes.
                let value = #name { #(#names: #names?),* };
                #finish
            }
        }
    })
}

fn config_name(field: &Field, args: &FieldArgs) -> String {
    match (&args.name, &field.ident) {
        (Some(name), _) => name.value(),
        (None, Some(ident)) => ident.unraw().to_string(),
        (None, None) => String::new(),
    }
}

fn declare(field: &Field, args: &FieldArgs) -> syn::Result<TokenStream> {
    let ty = &field.ty;
    match args.place {
        Place::Attribute => declare_attribute(field, args),
        Place::Block => {
            let (holder, inner) = held(ty);
            let name = config_name(field, args);
            let (doc, required) = (doc(&field.attrs), args.required);
            let (repeatable, by_value) = (holder == Holder::Vec, holder == Holder::Plain);
            let deprecated = option(args.deprecated.as_ref().map(|text| quote! { #text }));
            Ok(quote! {
                schema.blocks.push(::schema::BlockSchema {
                    required: #required,
                    repeatable: #repeatable,
                    by_value: #by_value,
                    doc: #doc,
                    deprecated: #deprecated,
                    ..::schema::BlockSchema::new(#name, <#inner as ::schema::Arguments>::schema)
                });
            })
        }
        Place::Variants => {
            let (_, inner) = held(ty);
            Ok(quote! { schema.blocks.extend(<#inner as ::schema::BlockVariants>::blocks()); })
        }
        Place::Label => Ok(quote! { schema.labelled = true; }),
        Place::Flatten => Ok(declare_flattened(ty, args)),
    }
}

fn declare_attribute(field: &Field, args: &FieldArgs) -> syn::Result<TokenStream> {
    let ty = &field.ty;
    let name = config_name(field, args);
    let mut declared = quote! { <#ty as ::schema::Argument>::ty() };
    if let Some(kind) = &args.port {
        declared = quote! { #declared.with_port(::schema::PortKind::#kind) };
    }
    if !args.one_of.is_empty() {
        let choices = &args.one_of;
        declared = quote! { #declared.with_choices(&[#(#choices),*]) };
    }
    let default = option(
        args.default
            .as_ref()
            .map(|default| default_value(ty, &declared, default)),
    );
    let min = option(args.min.as_ref().map(|min| quote! { (#min) as f64 }));
    let max = option(args.max.as_ref().map(|max| quote! { (#max) as f64 }));
    let deprecated = option(args.deprecated.as_ref().map(|text| quote! { #text }));
    let stability = match &args.stability {
        None => option(None),
        Some(text) => option(Some(match text.value().as_str() {
            "experimental" => quote! { ::schema::Stability::Experimental },
            "public-preview" => quote! { ::schema::Stability::PublicPreview },
            _ => return Err(syn::Error::new_spanned(text, "unknown stability")),
        })),
    };
    let (doc, required, shown) = (doc(&field.attrs), args.required, args.shown);
    Ok(quote! {
        schema.fields.push(::schema::Field {
            default: #default,
            required: #required,
            min: #min,
            max: #max,
            doc: #doc,
            deprecated: #deprecated,
            stability: #stability,
            shown: #shown,
            ..::schema::Field::new(#name, #declared)
        });
    })
}

/// The default as a value. Texts and lists of literals go through the field's type, so that `"30s"`
/// is a duration; a number is of the Rust type; anything else turns into it.
fn default_value(ty: &Type, declared: &TokenStream, default: &Expr) -> TokenStream {
    let (holder, inner) = held(ty);
    let ty = if holder == Holder::Option { inner } else { ty };
    let value = match default {
        Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)) => {
            quote! { ::schema::Value::from(#default) }
        }
        Expr::Array(array) => {
            let elements = array.elems.iter();
            quote! { ::schema::Value::array([#(::schema::Value::from(#elements)),*]) }
        }
        Expr::Lit(_) | Expr::Unary(_) => {
            return quote! { <#ty as ::schema::Argument>::to_value(&#default) };
        }
        _ => {
            return quote! {
                {
                    let default: #ty = ::core::convert::Into::into(#default);
                    ::schema::Argument::to_value(&default)
                }
            };
        }
    };
    quote! { #declared.coerce(&#value).expect("a default has the field's type") }
}

fn declare_flattened(ty: &Type, args: &FieldArgs) -> TokenStream {
    let overrides = args.defaults.iter().map(|replaced| {
        let (name, value) = (replaced.name.unraw().to_string(), &replaced.value);
        quote! { (#name, ::schema::Value::from(#value)) }
    });
    quote! {
        schema.flatten(<#ty as ::schema::Arguments>::schema(), &[#(#overrides),*]);
    }
}

fn read(field: &Field, args: &FieldArgs) -> TokenStream {
    let ty = &field.ty;
    let name = config_name(field, args);
    match args.place {
        Place::Attribute => quote! { reader.attribute::<#ty>(#name) },
        Place::Block => match held(ty) {
            (Holder::Plain, inner) => quote! { reader.block::<#inner>(#name) },
            (Holder::Option, inner) => quote! { reader.optional_block::<#inner>(#name) },
            (Holder::Vec, inner) => quote! { reader.blocks::<#inner>(#name) },
        },
        Place::Variants => {
            let (_, inner) = held(ty);
            quote! { reader.variants::<#inner>() }
        }
        Place::Label => quote! { ::core::option::Option::Some(reader.label()) },
        Place::Flatten => quote! { <#ty as ::schema::Arguments>::read(reader) },
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}

/// Takes `Option<T>`, `Vec<T>` and `Box<T>` apart by name.
fn held(ty: &Type) -> (Holder, &Type) {
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        match last.ident.to_string().as_str() {
            "Option" => return (Holder::Option, inner),
            "Vec" => return (Holder::Vec, inner),
            _ => {}
        }
    }
    (Holder::Plain, ty)
}
