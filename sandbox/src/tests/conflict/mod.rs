//! What `syncer_core::conflict` decides, carried out request by request between servers that own fields as the real ones do.

mod echo;
mod handover;
mod invalid;
mod order;
mod properties;
mod table;
mod world;
