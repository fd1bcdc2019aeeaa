//! Why a bundle is published or not.

/// The closed list of reasons of the condition `BundlePublished`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BundleReason {
    /// The bundle is in its object, and in every copy.
    Published,
    /// The bundle is in its object; copies are missing or not up to date.
    CopiesIncomplete,
    /// The operator may not write the object; see the message for the permission.
    PermissionMissing,
    /// An object of that name exists, and Signet did not create it for this issuer.
    ForeignObject,
    /// The bundle is larger than what Signet publishes.
    BundleTooLarge,
    /// The API server did not respond, or rejected the object.
    WriteFailed,
}

impl BundleReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "Published",
            Self::CopiesIncomplete => "CopiesIncomplete",
            Self::PermissionMissing => "PermissionMissing",
            Self::ForeignObject => "ForeignObject",
            Self::BundleTooLarge => "BundleTooLarge",
            Self::WriteFailed => "WriteFailed",
        }
    }
}
