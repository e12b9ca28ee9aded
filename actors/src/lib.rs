//! Who does it, and when: the actors and the kit under them; the only crate that names actix.
