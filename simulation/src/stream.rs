//! The body of a watch on its way: each piece takes a while, and watches of different resources never arrive at one instant.

use std::time::Duration;

use http_body_util::{BodyExt as _, StreamBody};
use syncer_sandbox::Body;

/// `body`, each piece of it later by `late`.
pub(crate) fn delayed(body: Body, late: Duration) -> Body {
    let pieces = futures::stream::unfold(body, move |mut body| async move {
        let piece = body.frame().await?;
        tokio::time::sleep(late).await;
        Some((piece, body))
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// How late the pieces of watches of `resource` are: each resource has a millisecond of its own.
pub(crate) fn lateness(resource: &str) -> Duration {
    let millis = match resource {
        "configmaps" => 1,
        "secrets" => 2,
        "services" => 3,
        "deployments" => 4,
        "namespaces" => 5,
        "endpointslices" => 6,
        _ => 7,
    };
    Duration::from_millis(millis)
}
