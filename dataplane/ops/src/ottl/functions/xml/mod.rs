//! XML: reading it into maps, and changing it at places that XPath selects.

mod document;
mod functions;
mod maps;
mod read;
mod write;
mod xpath;
mod xpath_read;

use super::{Definition, Parameter, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;

const TARGET: &[Parameter] = &[parameter("target", Kind::Text)];

pub(super) const TABLE: &[Definition] = &[
    plain("ParseXML", TARGET, maps::parse),
    plain("ParseSimplifiedXML", TARGET, maps::parse_simplified),
    prepared(
        "GetXML",
        &[
            parameter("target", Kind::Text),
            parameter("x_path", Kind::LiteralText),
        ],
        functions::get,
    ),
    prepared(
        "RemoveXML",
        &[
            parameter("target", Kind::Text),
            parameter("x_path", Kind::LiteralText),
        ],
        functions::remove,
    ),
    prepared(
        "InsertXML",
        &[
            parameter("target", Kind::Text),
            parameter("x_path", Kind::LiteralText),
            parameter("sub_document", Kind::Text),
        ],
        functions::insert,
    ),
    prepared(
        "ConvertAttributesToElementsXML",
        &[
            parameter("target", Kind::Text),
            optional("x_path", Kind::LiteralText),
        ],
        functions::attributes_to_elements,
    ),
    prepared(
        "ConvertTextToElementsXML",
        &[
            parameter("target", Kind::Text),
            optional("x_path", Kind::LiteralText),
            optional("element_name", Kind::LiteralText),
        ],
        functions::text_to_elements,
    ),
];
