//! How an object is written.

use std::borrow::Cow;

use crate::{FieldsV1Kept, url::Path};

/// How an object is applied.
#[derive(Clone, Debug)]
pub struct Apply {
    /// Whom the fields will belong to.
    pub field_manager: Cow<'static, str>,
    /// Whether fields of other managers are taken.
    pub force: bool,
    /// Whether the server only says what it would do.
    pub dry_run: bool,
    /// What the server does about fields that it does not know.
    pub unknown_fields: UnknownFields,
    /// What of the answer's `managedFields` is decoded.
    pub managed_fields: FieldsV1Kept,
}

/// How an object is patched or created.
#[derive(Clone, Debug)]
pub struct Write {
    /// Whom the change will belong to.
    pub field_manager: Cow<'static, str>,
    /// Whether the server only says what it would do.
    pub dry_run: bool,
    /// What the server does about fields that it does not know.
    pub unknown_fields: UnknownFields,
    /// What of the answer's `managedFields` is decoded.
    pub managed_fields: FieldsV1Kept,
}

/// What the server does about fields that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// It drops them and warns: see [`Object::warnings`](crate::Object::warnings).
    #[default]
    Warn,
    /// It drops them.
    Ignore,
    /// It refuses the write.
    Refuse,
}

// === impl Apply ===

impl Apply {
    /// By `field_manager`, taking fields of others.
    pub fn forced(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            force: true,
            ..Self::unforced(field_manager)
        }
    }

    /// By `field_manager`, refused where others own a field with another value.
    pub fn unforced(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field_manager: field_manager.into(),
            force: false,
            dry_run: false,
            unknown_fields: UnknownFields::default(),
            managed_fields: FieldsV1Kept::None,
        }
    }

    /// `path` with what these options ask for.
    pub(super) fn add_to(&self, path: Path) -> Path {
        let path = path
            .with("fieldManager", &self.field_manager)
            .with("force", if self.force { "true" } else { "false" });
        let path = if self.dry_run { path.tried() } else { path };
        self.unknown_fields.add_to(path)
    }

    /// The same, keeping these entries of the answer's `managedFields`.
    #[must_use]
    pub fn keeping(mut self, managed_fields: FieldsV1Kept) -> Self {
        self.managed_fields = managed_fields;
        self
    }
}

// === impl Write ===

impl Write {
    /// By `field_manager`.
    pub fn by(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field_manager: field_manager.into(),
            dry_run: false,
            unknown_fields: UnknownFields::default(),
            managed_fields: FieldsV1Kept::None,
        }
    }

    /// `path` with what these options ask for.
    pub(super) fn add_to(&self, path: Path) -> Path {
        let path = path.with_some("fieldManager", &self.field_manager);
        let path = if self.dry_run { path.tried() } else { path };
        self.unknown_fields.add_to(path)
    }
}

// === impl UnknownFields ===

impl UnknownFields {
    fn add_to(self, path: Path) -> Path {
        match self {
            Self::Warn => path,
            Self::Ignore => path.with("fieldValidation", "Ignore"),
            Self::Refuse => path.with("fieldValidation", "Strict"),
        }
    }
}
