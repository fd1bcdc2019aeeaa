//! Brings the objects of a mesh up to date: one write at most.

use jiff::Timestamp;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::mesh::rollout::{Change, Situation, Step, Write, plan};
use signet_core::mesh::secret::SigningCa;

use super::observe::Observed;
use super::reason::MeshReason;
use super::report::Report;
use super::write::{Owner, write};
use crate::context::Context;

/// What a mesh is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// `spec.suspend` is set: nothing changes.
    Suspended,
    /// There is no CA yet.
    Nothing,
    /// There is none, as the mesh has another one.
    Blocked(MeshReason, &'a str),
    /// What is trusted cannot be read now: nothing changes.
    Unknown,
    Ca {
        chain: &'a CaChain,
        /// The entry with its key.
        entry: &'a str,
        roots: &'a [CaCertificate],
    },
}

/// Decides on the next write, and makes it.
pub(crate) async fn update(
    observed: &Observed,
    wanted: Wanted<'_>,
    owner: Owner<'_>,
    context: &Context,
) -> Report {
    let now = (context.now)();
    let is_own = observed.is_own();
    let report = match decide(observed, wanted, now) {
        Err(report) => Report {
            is_delivered: is_own,
            ..report
        },
        Ok(to_write) => match write(&to_write, observed, owner, context).await {
            Ok(()) => Report {
                is_delivered: true,
                ..wrote(&to_write, observed, now)
            },
            Err(message) => Report {
                is_delivered: is_own,
                ..Report::new(MeshReason::Failed, message)
            },
        },
    };
    Report {
        loaded: observed.loaded_roots(now),
        ..report
    }
}

/// Returns the write that is due, or why there is none.
pub(super) fn decide(
    observed: &Observed,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Write, Report> {
    let (chain, entry, roots) = wanted_ca(wanted)?;
    if let Some(refusal) = observed.refusal() {
        return Err(Report::new(MeshReason::ForeignObject, refusal));
    }
    if let Err(error) = &observed.contents
        && !observed.lacks_secret()
    {
        return Err(Report::new(MeshReason::InvalidObject, error.to_string()));
    }
    if let Err(unfit) = observed.mesh.check(chain) {
        return Err(Report::new(MeshReason::UnfitCa, unfit.to_string()));
    }
    let Some(key) = observed.keys.pem(entry) else {
        let message = format!("the Secret with the keys has no private key in {entry}");
        return Err(Report::new(MeshReason::Failed, message));
    };
    let ca = SigningCa::new(chain, key);
    let situation = Situation {
        seen: observed.seen(now),
        ca: &ca,
        roots,
    };
    match plan(&situation) {
        Step::Write(write) => Ok(*write),
        Step::Wait(wait) => Err(Report::waits(&wait)),
        Step::Hold(hold) => Err(Report::holds(&hold)),
        Step::Done { lingering } => Err(up_to_date(&ca, &lingering)),
    }
}

/// Returns the CA that the mesh is to have, the entry of its key and the roots, or why there is none.
fn wanted_ca(wanted: Wanted<'_>) -> Result<(&CaChain, &str, &[CaCertificate]), Report> {
    Err(match wanted {
        Wanted::Ca {
            chain,
            entry,
            roots,
        } => return Ok((chain, entry, roots)),
        Wanted::Suspended => Report::new(
            MeshReason::Suspended,
            "spec.suspend is set, so the mesh's objects stay as they are",
        ),
        Wanted::Nothing => Report::new(MeshReason::WaitingForCa, "there is no CA certificate yet"),
        Wanted::Blocked(reason, message) => Report {
            polls: true,
            ..Report::new(reason, message)
        },
        Wanted::Unknown => Report::new(
            MeshReason::Failed,
            "which roots are trusted cannot be read now, so the mesh's objects stay as they are",
        ),
    })
}

fn up_to_date(ca: &SigningCa, lingering: &[String]) -> Report {
    let subject = ca.certificate().subject();
    let mut message = format!("the mesh has the CA certificate of {subject} and its roots");
    if !lingering.is_empty() {
        message = format!(
            "{message}; {} stays until the roots before it are removed",
            lingering.join(" and ")
        );
    }
    Report::new(MeshReason::UpToDate, message)
}

fn wrote(write: &Write, observed: &Observed, now: Timestamp) -> Report {
    let until = now.checked_add(observed.propagation);
    let until = until.unwrap_or(Timestamp::MAX);
    let restart = match (write.change(), observed.is_taken_from_istiod()) {
        (Change::First(_), true) => {
            "; restart istiod, which signs with the CA in istio-ca-secret until then"
        }
        _ => "",
    };
    Report {
        wake: Some(until),
        polls: true,
        written: Some(write.change().to_string()),
        ..Report::new(
            MeshReason::Propagating,
            format!("{}{restart}", write.change()),
        )
    }
}
