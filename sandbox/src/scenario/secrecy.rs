//! Where the values of Secrets, which are known here, must not be (S8).

use serde_json::Value;

use super::Kind;
use crate::{ApiServer, Fleet, Hand};

/// What the values of Secrets begin with: as text, in base64, as a list of bytes, in hex.
const TRACES: [&str; 4] = ["hush-", "aHVzaC", "104, 117, 115, 104", "687573682d"];

/// Whether `text` shows the value of a Secret.
pub fn shows_a_secret(text: &str) -> bool {
    TRACES.iter().any(|trace| text.contains(trace))
}

/// Where on the servers of `fleet` the value of a Secret is shown, outside of Secrets.
pub fn secret_shown_on(fleet: &Fleet) -> Option<String> {
    let targets = fleet.targets.iter().map(|(name, server)| (name.as_str(), server));
    let mut servers = targets.chain([("upstream", &fleet.upstream)]);
    servers.find_map(|(name, server)| Some(format!("{} on {name}", shown(server)?)))
}

fn shown(server: &ApiServer) -> Option<String> {
    let hand = Hand::at(server, "observer");
    let events = ["/api/v1/events", "/apis/events.k8s.io/v1/events"].map(str::to_owned);
    let paths = Kind::ALL.map(Kind::path).into_iter().chain(events);
    for path in paths {
        for mut object in hand.list(&path) {
            let name = object
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if path.ends_with("/secrets")
                && let Some(fields) = object.as_object_mut()
            {
                fields.remove("data");
            }
            if shows_a_secret(&object.to_string()) {
                return Some(format!("{path} {name}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_every_dress() {
        for text in [
            "x=hush-00ff",
            r#"{"p":"aHVzaC0wMA=="}"#,
            "[104, 117, 115, 104, 45]",
            "0x687573682d30",
        ] {
            assert!(shows_a_secret(text), "{text}");
        }
        assert!(!shows_a_secret("hushed, a hash"));
    }
}
