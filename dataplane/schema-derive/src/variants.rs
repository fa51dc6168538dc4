//! `Arguments` on an enum: each variant is a block.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, DeriveInput, Fields};

use crate::attributes::{FieldArgs, doc, snake_case};

pub fn derive(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let mut declarations = Vec::new();
    let mut reads = Vec::new();
    for variant in &data.variants {
        let Fields::Unnamed(fields) = &variant.fields else {
            return Err(syn::Error::new_spanned(
                variant,
                "a variant holds its block's struct",
            ));
        };
        let Some(field) = fields.unnamed.first().filter(|_| fields.unnamed.len() == 1) else {
            return Err(syn::Error::new_spanned(
                variant,
                "a variant holds one struct",
            ));
        };
        let (ident, ty) = (&variant.ident, &field.ty);
        let args = FieldArgs::of(&variant.attrs)?;
        let block = match args.name {
            Some(block) => block.value(),
            None => snake_case(&ident.to_string()),
        };
        let doc = doc(&variant.attrs);
        declarations.push(quote! {
            ::schema::BlockSchema {
                repeatable: true,
                doc: #doc,
                ..::schema::BlockSchema::new(#block, <#ty as ::schema::Arguments>::schema)
            }
        });
        reads.push(quote! { #block => ::schema::read_block(block, errors).map(#name::#ident), });
    }
    Ok(quote! {
        #[automatically_derived]
        impl ::schema::BlockVariants for #name {
            fn blocks() -> ::std::vec::Vec<::schema::BlockSchema> {
                ::std::vec![#(#declarations),*]
            }

            fn read(
                block: &::schema::Block,
                errors: &mut ::std::vec::Vec<::schema::DecodeError>,
            ) -> ::core::option::Option<Self> {
                match block.name.as_str() {
                    #(#reads)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}
