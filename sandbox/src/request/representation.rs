//! In which form an answer is wanted.

use http::{HeaderMap, header::ACCEPT};

use crate::error::{Details, Refusal};

/// In which form an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation {
    /// The whole object.
    Whole,
    /// Its metadata alone.
    Metadata,
    /// A row of a table.
    Table,
    /// The aggregated form of discovery.
    Discovery,
}

// === impl Representation ===

impl Representation {
    /// The first acceptable form that the sandbox can give.
    ///
    /// # Errors
    /// 406: nothing that is accepted can be given.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Self, Refusal> {
        let accept = headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or_default();
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        for range in accept.split(',') {
            let mut words = range.split(';').map(str::trim);
            let media = words.next().unwrap_or_default();
            if !matches!(media, "application/json" | "*/*" | "application/*") {
                continue;
            }
            let form = words.find_map(|word| word.strip_prefix("as="));
            return Ok(match form {
                None => Self::Whole,
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Self::Metadata,
                Some("Table") => Self::Table,
                Some("APIGroupDiscoveryList") => Self::Discovery,
                Some(_) => continue,
            });
        }
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
        Err(Refusal::new(http::StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).with(Details::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_can_be_given_is_taken() {
        let cases = [
            ("", Some(Representation::Whole)),
            ("*/*", Some(Representation::Whole)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some(Representation::Table),
            ),
            (
                "application/json;as=Unheard;v=v1,application/json",
                Some(Representation::Whole),
            ),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Representation::Metadata),
            ),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some(Representation::Whole),
            ),
            ("text/html", None),
        ];
        for (accept, expected) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Representation::negotiate(&headers).ok(), expected, "{accept}");
        }
    }
}
