//! The event in a workload's namespace when its agent is refused and does not show why. Pure.

use k8s_openapi::api::core::v1::ObjectReference;
use signet_core::quote;
use signet_core::request::ServiceAccount;

use super::outcome::Outcome;
use crate::issuer_name::IssuerName;
use crate::plan::PlannedEvent;

/// Returns the event, and the ServiceAccount that it is about: the pod is not known. The request is
/// not named, so that refusals with the same cause are one event with a count.
pub(super) fn event(
    requester: &str,
    issuer: &IssuerName,
    outcome: &Outcome,
) -> Option<(ObjectReference, PlannedEvent)> {
    let Outcome::Denied(denial) = outcome else {
        return None;
    };
    let workload = denial.workload.as_ref()?;
    let note = format!(
        "{issuer} refused the certificate that {} requested for this ServiceAccount: {}",
        quote::message(requester),
        denial.message
    );
    let event = PlannedEvent::issue(true, denial.reason, &note);
    Some((reference(workload), event))
}

fn reference(account: &ServiceAccount) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("ServiceAccount".to_owned()),
        namespace: Some(account.namespace.clone()),
        name: Some(account.name.clone()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use signet_core::reason::Reason;

    use super::*;
    use crate::fixtures::corp;

    #[test]
    fn names_issuer_agent_and_cause_to_the_users_of_the_workload() {
        let istiod = "system:serviceaccount:istio-system:istiod";
        let mut denial = Reason::NameNotAllowed.denial("the DNS name \"a\" is not in the rule");
        let of = |denial| event(istiod, &corp(), &Outcome::Denied(denial));
        assert_eq!(of(denial.clone()), None);

        denial.workload = Some(ServiceAccount {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        });
        let (object, event) = of(denial).unwrap();
        assert_eq!(object.namespace.as_deref(), Some("shop"));
        assert_eq!(object.name.as_deref(), Some("web"));
        assert!(event.warning);
        assert_eq!(event.reason, "NameNotAllowed");
        assert_eq!(
            event.note,
            "ClusterIssuer corp refused the certificate that \
             \"system:serviceaccount:istio-system:istiod\" requested for this ServiceAccount: the \
             DNS name \"a\" is not in the rule"
        );
    }
}
