//! Shapes as OpenAPI, as kubectl reads them.
