//! `Choice`: an enum without fields as the type of an attribute.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::attributes::{FieldArgs, snake_case};

pub fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(input, "a choice is an enum"));
    };
    let mut idents = Vec::new();
    let mut texts = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "a choice has no fields"));
        }
        let args = FieldArgs::of(&variant.attrs)?;
        texts.push(match args.name {
            Some(text) => text.value(),
            None => snake_case(&variant.ident.to_string()),
        });
        idents.push(&variant.ident);
    }
    Ok(quote! {
        impl #name {
            /// The text in a configuration.
            pub fn as_str(&self) -> &'static str {
                match self {
                    #(#name::#idents => #texts,)*
                }
            }
        }

        #[automatically_derived]
        impl ::schema::Argument for #name {
            fn ty() -> ::schema::Type {
                ::schema::Type::Choice(&[#(#texts),*])
            }

            fn from_value(
                value: &::schema::Value,
            ) -> ::core::result::Result<#name, ::std::string::String> {
                match value.as_str() {
                    #(
                        ::core::option::Option::Some(#texts) => {
                            ::core::result::Result::Ok(#name::#idents)
                        }
                    )*
                    _ => ::core::result::Result::Err(
                        ::std::format!("unexpected {}", value.describe()),
                    ),
                }
            }

            fn to_value(&self) -> ::schema::Value {
                ::schema::Value::string(self.as_str())
            }
        }
    })
}
