//! `list`, at the present, at a past version, and page by page.

use std::sync::Arc;

use crate::{
    answer::encode::ListHead,
    error::{Cause, Details, Refusal},
    registry::Resource,
    request::options::Query,
    select::{Selector, fields::FieldSelector, labels::LabelSelector},
    state::State,
    store::{
        collection::{Collection, Forgotten},
        key::Key,
        page::PageRequest,
        stored::Stored,
    },
    verbs::token::Token,
};

/// What is listed or watched.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The resource.
    pub(crate) resource: Arc<Resource>,
    /// The logical cluster; all of them without one.
    pub(crate) cluster: Option<Arc<str>>,
    /// The namespace; all of them without one.
    pub(crate) namespace: Option<String>,
    /// Labels and fields.
    pub(crate) selector: Selector,
}

/// How a version in a list request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Unset,
    Exact,
    NotOlderThan,
}

// === impl Scope ===

impl Scope {
    /// What all keys begin with.
    pub(crate) fn prefix(&self) -> Key {
        Key::prefix(self.cluster.as_deref(), self.namespace.as_deref())
    }
}

/// The selector of a query.
///
/// # Errors
/// 400: it cannot be read.
pub(crate) fn selector(resource: &Resource, query: &Query) -> Result<Selector, Refusal> {
    let known: Vec<&str> = resource.selectable.iter().map(String::as_str).collect();
    let labels = query
        .get("labelSelector")
        .map(LabelSelector::parse)
        .transpose()
        .map_err(Refusal::bad_request)?;
    let fields = query
        .get("fieldSelector")
        .map(|text| FieldSelector::parse(text, &known))
        .transpose()
        .map_err(Refusal::bad_request)?;
    Ok(Selector {
        labels: labels.unwrap_or_default(),
        fields: fields.unwrap_or_default(),
    })
}

/// The version in a query; `None` if there is none.
///
/// # Errors
/// 400: it is no number.
pub(crate) fn version(query: &Query) -> Result<Option<u64>, String> {
    let Some(text) = query.get("resourceVersion") else {
        return Ok(None);
    };
    let parsed = text.parse::<u64>();
    parsed.map(Some).map_err(|_| {
        format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
    })
}

/// The refusal of a version that is yet to come.
pub(crate) fn too_large(version: u64, current: u64) -> Refusal {
    let message = format!("Timeout: Too large resource version: {version}, current: {current}");
    let cause = Cause {
        reason: "ResourceVersionTooLarge",
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    Refusal::new(http::StatusCode::GATEWAY_TIMEOUT, "Timeout", message).with(Details {
        causes: vec![cause],
        retry_after_seconds: Some(1),
        ..Details::default()
    })
}

// === impl State ===

impl State {
    /// The objects of `scope`, or a page of them.
    ///
    /// # Errors
    /// Options that make no sense, or a version that is no longer remembered.
    pub(crate) fn list(&self, scope: &Scope, query: &Query) -> Result<(ListHead, Vec<Arc<Stored>>), Refusal> {
        let (version, form) = check(query)?;
        let limit = query
            .get("limit")
            .and_then(|limit| limit.parse::<usize>().ok())
            .filter(|limit| *limit > 0);
        let current = self.store.version();
        if let Some(version) = version.filter(|version| *version > current) {
            return Err(too_large(version, current));
        }
        let prefix = scope.prefix();
        let token = query.get("continue").map(Token::decode).transpose()?;
        if token.is_some() && version.is_some_and(|version| version != 0) {
            return Err(Refusal::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let after = token.as_ref().map(Token::after);
        let past = match &token {
            Some(token) => u64::try_from(token.rv).ok(),
            // A limit makes a version exact unless it says otherwise.
            None if form == Match::Exact || (form == Match::Unset && limit.is_some()) => {
                version.filter(|version| *version > 0)
            }
            None => None,
        };
        // A list at version 0 comes from the cache of the API server, which knows no pages.
        let limit = if version == Some(0) && token.is_none() {
            None
        } else {
            limit
        };
        let shown = past.unwrap_or(current);
        let empty = Collection::new(1, 0);
        let collection = self.store.collection(&scope.resource.collection).unwrap_or(&empty);
        let request = PageRequest {
            prefix: &prefix,
            after: after.as_ref(),
            version: past.filter(|past| *past < current),
            limit,
        };
        let expired = |_: Forgotten| expired(token.as_ref());
        let page = collection
            .page(&request, |object| scope.selector.selects(object))
            .map_err(expired)?;
        let mut head = ListHead {
            version: shown,
            ..ListHead::default()
        };
        if let Some(last) = page.next {
            let before = match token.as_ref().and_then(|token| token.remaining) {
                Some(remaining) => remaining,
                None => collection.count(&request).map_err(expired)?,
            };
            let remaining = scope
                .selector
                .is_everything()
                .then(|| before.saturating_sub(page.objects.len()));
            let version = token
                .as_ref()
                .filter(|token| token.rv < 0)
                .map_or_else(|| i64::try_from(shown).unwrap_or(i64::MAX), |token| token.rv);
            head.next = Some(Token::new(version, &last, remaining).encode());
            head.remaining = remaining;
        }
        Ok((head, page.objects))
    }
}

/// The refusal of a version that is no longer remembered. A page may go on, but not consistently.
fn expired(token: Option<&Token>) -> Refusal {
    let Some(token) = token else {
        return Refusal::expired("The resourceVersion for the provided list is too old.");
    };
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue \
                   parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided \
                   token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was \
                   returned and now may show up in the list.";
    Refusal::expired(message).with_continue(Token::new(-1, &token.after(), None).encode())
}

fn check(query: &Query) -> Result<(Option<u64>, Match), Refusal> {
    let refuse = |field: &str, why: &str| {
        Err(Refusal::invalid_options(
            "ListOptions",
            vec![Cause::forbidden(field, why)],
        ))
    };
    if query.flag("sendInitialEvents").is_some() {
        return refuse("sendInitialEvents", "sendInitialEvents is forbidden for list");
    }
    let version = version(query).map_err(|what| Refusal::bad_request(format!("invalid resource version: {what}")))?;
    let form = match query.get("resourceVersionMatch") {
        None => return Ok((version, Match::Unset)),
        Some(_) if query.get("continue").is_some() => {
            return refuse(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden when continue is provided",
            );
        }
        Some(_) if version.is_none() => {
            return refuse(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            );
        }
        Some("Exact") if version == Some(0) => {
            return refuse(
                "resourceVersionMatch",
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            );
        }
        Some("Exact") => Match::Exact,
        Some("NotOlderThan") => Match::NotOlderThan,
        Some(other) => {
            let cause = Cause::unsupported("resourceVersionMatch", &other.into(), &["Exact", "NotOlderThan", ""]);
            return Err(Refusal::invalid_options("ListOptions", vec![cause]));
        }
    };
    Ok((version, form))
}
