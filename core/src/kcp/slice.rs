//! An `APIExportEndpointSlice`: where the consumers of an export are seen.

use serde::Deserialize;

/// Where an export is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ExportReference {
    /// The path of its workspace; empty for the workspace of whoever refers to it.
    #[serde(default)]
    pub path: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

#[derive(Deserialize)]
struct Spec {
    export: ExportReference,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    url: String,
}

/// The export that a slice with this `spec` is about.
pub fn export_of(spec: &str) -> Option<ExportReference> {
    let export = serde_json::from_str::<Spec>(spec).ok()?.export;
    (!export.name.is_empty()).then_some(export)
}

/// The URLs of the endpoints, each once and sorted; none in a `status` that cannot be read, or is not there.
pub fn endpoints_of(status: Option<&str>) -> Vec<String> {
    let status: Status = status
        .and_then(|status| serde_json::from_str(status).ok())
        .unwrap_or_default();
    let urls = status.endpoints.into_iter().flatten().map(|endpoint| endpoint.url);
    let mut urls: Vec<String> = urls.filter(|url| !url.is_empty()).collect();
    urls.sort_unstable();
    urls.dedup();
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_may_be_none_one_or_several() {
        let cases: [(Option<&str>, &[&str]); 6] = [
            (None, &[]),
            (Some("{}"), &[]),
            (Some(r#"{"endpoints": []}"#), &[]),
            (Some(r#"{"endpoints": null}"#), &[]),
            (Some(r#"{"endpoints": [{"url": "https://a/x"}]}"#), &["https://a/x"]),
            (
                Some(
                    r#"{"endpoints": [{"url": "https://b"}, {"url": "https://a"}, {"url": ""}, {"url": "https://b"}]}"#,
                ),
                &["https://a", "https://b"],
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(endpoints_of(status), expected, "{status:?}");
        }
    }

    #[test]
    fn a_slice_is_about_an_export_here_or_elsewhere() {
        let here = export_of(r#"{"export": {"name": "kubernetes"}}"#).unwrap();
        assert_eq!((here.path.as_str(), here.name.as_str()), ("", "kubernetes"));
        let there = export_of(r#"{"export": {"path": "root:compute", "name": "kubernetes"}}"#).unwrap();
        assert_eq!(there.path, "root:compute");
        assert_eq!(export_of(r#"{"export": {}}"#), None);
        assert_eq!(export_of("nonsense"), None);
    }
}
