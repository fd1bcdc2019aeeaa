//! Why a mesh is up to date or not.

/// The closed list of reasons of the condition `MeshUpdated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MeshReason {
    /// The mesh has the CA and its roots.
    UpToDate,
    /// There is no CA yet.
    WaitingForCa,
    /// The mesh does not show the roots yet that were written last.
    Loading,
    /// What was written last is not everywhere yet.
    Propagating,
    /// The mesh has the CA, and a root is removed once certificates under it have expired.
    RemovingRoots,
    /// The mesh did not load changed roots, and has the earlier ones back.
    RootsNotLoaded,
    /// The mesh trusts other roots than the CA's.
    OtherCa,
    /// The mesh does not read its Secret.
    NotRead,
    /// No trusted root is above the CA.
    NoTrustedRoot,
    /// An object exists that Signet may not take.
    ForeignObject,
    /// The mesh could not use what an object has.
    InvalidObject,
    /// The mesh would refuse the CA, or each one that the issuer above can sign.
    UnfitCa,
    /// An object could not be written.
    Failed,
    /// `spec.suspend` is set.
    Suspended,
}

impl MeshReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::WaitingForCa => "WaitingForCA",
            Self::Loading => "Loading",
            Self::Propagating => "Propagating",
            Self::RemovingRoots => "RemovingRoots",
            Self::RootsNotLoaded => "RootsNotLoaded",
            Self::OtherCa => "OtherCA",
            Self::NotRead => "NotRead",
            Self::NoTrustedRoot => "NoTrustedRoot",
            Self::ForeignObject => "ForeignObject",
            Self::InvalidObject => "InvalidObject",
            Self::UnfitCa => "UnfitCA",
            Self::Failed => "Failed",
            Self::Suspended => "Suspended",
        }
    }

    /// Whether a person has to do something.
    pub(crate) const fn needs_person(self) -> bool {
        matches!(
            self,
            Self::RootsNotLoaded
                | Self::OtherCa
                | Self::NotRead
                | Self::NoTrustedRoot
                | Self::ForeignObject
                | Self::InvalidObject
                | Self::UnfitCa
        )
    }
}
