//! The component API's JSON of arguments, exports and debug information.
