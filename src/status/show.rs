//! Printing a report, once or again and again.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;

use super::{StatusOptions, options::StatusOutput, report::Report, table, wording::cell};
use crate::printing::{json, yaml};

/// Moves a terminal's cursor home and clears it.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// The form that was asked for.
pub(super) struct Show {
    output: StatusOutput,
    rhythm: Rhythm,
}

/// What stands between two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rhythm {
    /// There is only one.
    Once,
    /// The first of several.
    First,
    /// One after another.
    Next,
    /// Each in the place of the last.
    InPlace,
}

// === impl Show ===

impl Show {
    pub(super) fn new(options: &StatusOptions) -> Self {
        let rhythm = match (options.watch, options.output) {
            (false, _) => Rhythm::Once,
            (true, StatusOutput::Table) if io::stdout().is_terminal() => Rhythm::InPlace,
            (true, _) => Rhythm::First,
        };
        Self {
            output: options.output,
            rhythm,
        }
    }

    /// Tables go to `out` and what is wrong to `err`; in JSON and YAML it is a part of the report.
    pub(super) fn print(&mut self, report: &Report, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
        match self.output {
            StatusOutput::Table => {
                match self.rhythm {
                    Rhythm::InPlace => write!(out, "{CLEAR}")?,
                    Rhythm::Next => writeln!(out)?,
                    Rhythm::Once | Rhythm::First => {}
                }
                table::print(report, Timestamp::now(), out)?;
                out.flush()?;
                for warning in &report.warnings {
                    writeln!(err, "warning: {}", cell(warning))?;
                }
            }
            StatusOutput::Json if self.rhythm == Rhythm::Once => {
                json(report, out)?;
            }
            StatusOutput::Json => {
                serde_json::to_writer(&mut *out, report)?;
                writeln!(out)?;
            }
            StatusOutput::Yaml => {
                if self.rhythm == Rhythm::Next {
                    writeln!(out, "---")?;
                }
                yaml(report, out)?;
            }
        }
        if self.rhythm == Rhythm::First {
            self.rhythm = Rhythm::Next;
        }
        Ok(())
    }
}
