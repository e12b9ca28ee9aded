//! Patches other than apply: what each makes of an object.

pub(crate) mod json;
pub(crate) mod merge;
pub(crate) mod strategic;

/// How the body of a PATCH is meant, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// The merge patch of Kubernetes, which knows keyed lists.
    Strategic,
    /// Server-side apply.
    Apply,
}

// === impl PatchType ===

impl PatchType {
    /// The patch type of a media type.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        match media_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Some(Self::Apply),
            _ => None,
        }
    }
}
