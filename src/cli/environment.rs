//! What environment variables may look like beside the options that they stand for.

use std::ffi::OsStr;

use clap::{ArgAction, Command, builder::BoolishValueParser};

/// `command`, which takes environment variables as they occur: an empty one says nothing, as a manifest's `value: ""` means it, and a
/// switch may be `1`, `yes` or `on` too. `is_empty` tells whether the variable of that name is set to nothing.
pub(super) fn forgiving(command: Command, is_empty: &dyn Fn(&OsStr) -> bool) -> Command {
    let command = command.mut_args(|arg| {
        let Some(name) = arg.get_env().map(OsStr::to_owned) else {
            return arg;
        };
        if is_empty(&name) {
            return arg.env(None::<&'static str>);
        }
        match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        }
    });
    command.mut_subcommands(|subcommand| forgiving(subcommand, is_empty))
}

/// Whether the variable `name` of this process is set, and to nothing.
pub(super) fn is_empty(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::cli::{Cli, Command as Chosen};

    fn environment_of(command: &Command, arg: &str) -> Option<String> {
        let run = command.find_subcommand("run").unwrap();
        let arg = run.get_arguments().find(|candidate| candidate.get_id() == arg).unwrap();
        arg.get_env().map(|name| name.to_string_lossy().into_owned())
    }

    #[test]
    fn an_empty_variable_says_nothing_and_others_stay() {
        let command = forgiving(Cli::command(), &|name| name == "TMC_SYNCER_ENDPOINT_SLICE");
        assert_eq!(environment_of(&command, "endpoint_slice"), None);
        assert_eq!(
            environment_of(&command, "health_address").as_deref(),
            Some("TMC_SYNCER_HEALTH_ADDRESS")
        );
        command.debug_assert();
    }

    #[test]
    fn a_switch_is_still_set_by_its_name_alone() {
        let command = forgiving(Cli::command(), &|_| false);
        for (arguments, expected) in [(&["run", "--dry-run"][..], true), (&["run"][..], false)] {
            let matches = command
                .clone()
                .try_get_matches_from(["tmc-syncer"].iter().chain(arguments))
                .unwrap();
            let Chosen::Run(run) = Cli::from_arg_matches(&matches).unwrap().command else {
                panic!("another command");
            };
            assert_eq!(run.dry_run, expected, "{arguments:?}");
        }
    }
}
