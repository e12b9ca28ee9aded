//! What the table does not say: parts of objects, rules for single fields and managers, and what is done when things go wrong.

mod kept;
mod lists;
mod refusals;
mod restarts;
mod rules;
mod site;
mod unions;
