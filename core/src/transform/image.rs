//! Rewriting the registry of images.
//!
//! An image is compared in full: `nginx` is `docker.io/library/nginx`, `user/app` is `docker.io/user/app`.

use serde_json::Value;

use super::{Path, Step, pod_spec};
use crate::{config::ImageRegistry, identity::Gvr};

/// A rewrite whose two sides are known to be registries.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    from: String,
    to: String,
}

const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_TOO: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];

// === impl Rewrite ===

impl Rewrite {
    /// The rewrite that a policy asks for, or what is wrong with it.
    pub(super) fn compile(rule: &ImageRegistry) -> Result<Self, String> {
        Ok(Self {
            from: registry_and_path("from", &rule.from)?,
            to: registry_and_path("to", &rule.to)?,
        })
    }

    /// Rewrites every image of the pod spec in `object`.
    pub(super) fn apply(&self, gvr: &Gvr, object: &mut Value) {
        let Some(pod) = pod_spec::of_mut(gvr, object) else {
            return;
        };
        for list in pod_spec::CONTAINER_LISTS {
            for container in items(pod, list) {
                self.rewrite_member(container, "image");
            }
        }
        for volume in items(pod, "volumes") {
            if let Some(image) = volume.get_mut("image") {
                self.rewrite_member(image, "reference");
            }
        }
    }

    /// Where it may change something.
    pub(super) fn touched(gvr: &Gvr) -> Vec<Path> {
        let Some(pod) = pod_spec::steps(gvr) else {
            return Vec::new();
        };
        let key = |key: &str| Step::Key(key.into());
        let below = |rest: Vec<Step>| Path::new(pod.iter().cloned().chain(rest).collect());
        let mut touched: Vec<Path> = pod_spec::CONTAINER_LISTS
            .iter()
            .map(|list| below(vec![key(list), Step::Every, key("image")]))
            .collect();
        touched.push(below(vec![key("volumes"), Step::Every, key("image"), key("reference")]));
        touched
    }

    fn rewrite_member(&self, object: &mut Value, member: &str) {
        if let Some(Value::String(image)) = object.get_mut(member)
            && let Some(rewritten) = self.rewrite(image)
        {
            *image = rewritten;
        }
    }

    /// The image in place of `image`; `None` if it is of another registry or no image at all.
    fn rewrite(&self, image: &str) -> Option<String> {
        let (repository, version) = split_version(image);
        let repository = normalised(repository)?;
        let rest = repository.strip_prefix(&self.from)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        Some(format!("{}{rest}{version}", self.to))
    }
}

fn items<'a>(object: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Parts the repository from `:tag`, `@digest` or both.
fn split_version(image: &str) -> (&str, &str) {
    let digest = image.find('@').unwrap_or(image.len());
    let name = image.get(..digest).unwrap_or_default();
    let last_part = name.rfind('/').map_or(0, |slash| slash + 1);
    let tag = name
        .get(last_part..)
        .and_then(|part| part.find(':'))
        .map(|colon| last_part + colon);
    image.split_at_checked(tag.unwrap_or(digest)).unwrap_or((image, ""))
}

/// The repository with its registry before it; `None` if that cannot be a repository.
fn normalised(repository: &str) -> Option<String> {
    if repository.is_empty() || repository.contains(char::is_whitespace) {
        return None;
    }
    let (registry, path) = match repository.split_once('/') {
        Some((first, path)) if is_registry(first) => (first, path),
        _ => (DOCKER_HUB, repository),
    };
    if !is_docker_hub(registry) {
        return Some(format!("{registry}/{path}"));
    }
    if path.contains('/') {
        return Some(format!("{DOCKER_HUB}/{path}"));
    }
    Some(format!("{DOCKER_HUB}/library/{path}"))
}

fn is_docker_hub(registry: &str) -> bool {
    registry == DOCKER_HUB || DOCKER_HUB_TOO.contains(&registry)
}

/// Whether the first part of an image is a registry: it is a host name with a point or a port, or `localhost`.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn registry_and_path(side: &str, text: &str) -> Result<String, String> {
    let (registry, path) = text.split_once('/').unwrap_or((text, ""));
    let malformed =
        text.contains("://") || text.ends_with('/') || text.contains(|c: char| c.is_whitespace() || c == '@');
    if malformed || path.contains(':') || path.split('/').any(str::is_empty) && !path.is_empty() {
        return Err(format!(
            "{side} {text:?} is no registry: use a form such as registry.example.org/team"
        ));
    }
    if !is_registry(registry) {
        return Err(format!(
            "{side} {text:?} names no registry: write its host first, such as docker.io/{text}"
        ));
    }
    if is_docker_hub(registry) {
        return Ok(text.replacen(registry, DOCKER_HUB, 1));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rewrite(from: &str, to: &str) -> Rewrite {
        Rewrite::compile(&ImageRegistry {
            from: from.into(),
            to: to.into(),
        })
        .unwrap()
    }

    #[test]
    fn images_are_compared_in_full() {
        let to = "mirror.example.org/hub";
        let digest = "@sha256:0123456789abcdef";
        let cases = [
            (
                "docker.io",
                "nginx",
                Some("mirror.example.org/hub/library/nginx".to_owned()),
            ),
            (
                "docker.io",
                "nginx:1.27",
                Some("mirror.example.org/hub/library/nginx:1.27".to_owned()),
            ),
            (
                "docker.io",
                "user/app:v1",
                Some("mirror.example.org/hub/user/app:v1".to_owned()),
            ),
            (
                "docker.io",
                "docker.io/nginx",
                Some("mirror.example.org/hub/library/nginx".to_owned()),
            ),
            (
                "docker.io",
                "index.docker.io/user/app",
                Some("mirror.example.org/hub/user/app".to_owned()),
            ),
            (
                "index.docker.io",
                "nginx",
                Some("mirror.example.org/hub/library/nginx".to_owned()),
            ),
            ("docker.io", "quay.io/a/b", None),
            ("docker.io", "localhost/a", None),
            ("docker.io", "docker.io.example.org/a", None),
            ("docker.io", "", None),
            ("docker.io", " nginx", None),
            (
                "docker.io/library",
                "nginx",
                Some("mirror.example.org/hub/nginx".to_owned()),
            ),
            ("docker.io/library", "user/app", None),
            ("docker.io/library", "libraryx/app", None),
            (
                "docker.io/library/nginx",
                "nginx:1",
                Some("mirror.example.org/hub:1".to_owned()),
            ),
            (
                "registry:5000",
                "registry:5000/a/b:c",
                Some("mirror.example.org/hub/a/b:c".to_owned()),
            ),
            ("registry:5000", "registry:5001/a/b:c", None),
            ("localhost", "localhost/a", Some("mirror.example.org/hub/a".to_owned())),
            (
                "quay.io/team",
                "quay.io/team/app",
                Some("mirror.example.org/hub/app".to_owned()),
            ),
            ("quay.io/team", "quay.io/teamster/app", None),
        ];
        for (from, image, expected) in cases {
            assert_eq!(rewrite(from, to).rewrite(image), expected, "{from} {image}");
        }
        for (image, expected) in [
            (format!("nginx{digest}"), format!("{to}/library/nginx{digest}")),
            (format!("nginx:1{digest}"), format!("{to}/library/nginx:1{digest}")),
            (format!("docker.io/a/b:1{digest}"), format!("{to}/a/b:1{digest}")),
        ] {
            assert_eq!(rewrite("docker.io", to).rewrite(&image), Some(expected));
        }
    }

    #[test]
    fn what_is_no_registry_is_refused() {
        for wrong in [
            "",
            "team",
            "team/app",
            "https://docker.io",
            "docker.io/",
            "docker.io//a",
            "a.b/c:1",
            "a.b c",
            "a.b@c",
        ] {
            let rule = ImageRegistry {
                from: wrong.into(),
                to: "mirror.example.org".into(),
            };
            assert!(Rewrite::compile(&rule).is_err(), "{wrong}");
            let rule = ImageRegistry {
                from: "docker.io".into(),
                to: wrong.into(),
            };
            assert!(Rewrite::compile(&rule).is_err(), "{wrong}");
        }
    }

    /// Group, resource, and an object of it around a pod spec.
    type Kind = (&'static str, &'static str, fn(Value) -> Value);

    #[test]
    fn every_kind_with_a_pod_template_is_reached() {
        let pod = |image: &str| {
            json!({
                "containers": [{"name": "a", "image": image}, {"name": "b"}],
                "initContainers": [{"image": image}],
                "ephemeralContainers": [{"image": image}],
                "volumes": [{"name": "v", "image": {"reference": image}}, {"name": "w", "emptyDir": {}}],
                "other": {"image": "nginx"},
            })
        };
        let cases: [Kind; 9] = [
            ("", "pods", |pod| json!({"spec": pod})),
            ("", "podtemplates", |pod| json!({"template": {"spec": pod}})),
            (
                "",
                "replicationcontrollers",
                |pod| json!({"spec": {"template": {"spec": pod}}}),
            ),
            (
                "apps",
                "deployments",
                |pod| json!({"spec": {"template": {"spec": pod}}}),
            ),
            (
                "apps",
                "statefulsets",
                |pod| json!({"spec": {"template": {"spec": pod}}}),
            ),
            ("apps", "daemonsets", |pod| json!({"spec": {"template": {"spec": pod}}})),
            (
                "apps",
                "replicasets",
                |pod| json!({"spec": {"template": {"spec": pod}}}),
            ),
            ("batch", "jobs", |pod| json!({"spec": {"template": {"spec": pod}}})),
            (
                "batch",
                "cronjobs",
                |pod| json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}),
            ),
        ];
        for (group, resource, object) in cases {
            let gvr = Gvr::new(group, "v1", resource);
            let mut rewritten = object(pod("nginx"));
            rewrite("docker.io", "m.example.org").apply(&gvr, &mut rewritten);
            assert_eq!(rewritten, object(pod("m.example.org/library/nginx")), "{resource}");
            let touched = Rewrite::touched(&gvr);
            assert_eq!(
                touched.iter().flat_map(|path| path.locate(&rewritten)).count(),
                4,
                "{resource}"
            );
        }
        let mut other = json!({"spec": {"containers": [{"image": "nginx"}]}});
        rewrite("docker.io", "m.example.org").apply(&Gvr::new("example.org", "v1", "pods"), &mut other);
        assert_eq!(other, json!({"spec": {"containers": [{"image": "nginx"}]}}));
    }

    proptest! {
        #[test]
        fn any_text_is_an_image_or_left_alone(image in "[a-z./:@ü ]{0,30}") {
            let rewrite = rewrite("docker.io", "m.example.org");
            if let Some(rewritten) = rewrite.rewrite(&image) {
                prop_assert!(rewritten.starts_with("m.example.org/"));
                prop_assert_eq!(rewrite.rewrite(&rewritten), None);
            }
        }
    }
}
