//! Points in time as the API server writes them.

use jiff::Timestamp;

/// RFC 3339 in seconds: the form of `creationTimestamp`.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 in microseconds: the form of a Lease's times.
pub(crate) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The canonical form of `text` in seconds, or microseconds where it has a fraction; `None` if it is no time.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    Some(if text.contains('.') {
        micros(time)
    } else {
        seconds(time)
    })
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn times_have_one_form() {
        assert_eq!(
            canonical("2026-01-02T03:04:05+01:00").as_deref(),
            Some("2026-01-02T02:04:05Z")
        );
        assert_eq!(
            canonical("2026-01-02T03:04:05.5Z").as_deref(),
            Some("2026-01-02T03:04:05.500000Z")
        );
        assert_eq!(canonical("yesterday"), None);
    }
}
