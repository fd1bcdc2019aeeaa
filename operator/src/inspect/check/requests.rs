//! The requests that wait, and for how long. Pure.

use jiff::{SignedDuration, Timestamp};

use super::facts::Requests;
use super::report::{Details, Finding, Level, Section};
use crate::inspect::time::elapsed;
use crate::requests::backlog::{Backlog, Group, Oldest, Reported};

/// How long a request may wait before something seems to be wrong.
const LONG: SignedDuration = SignedDuration::from_mins(5);

/// What the requests of a group wait for, and what to do about the oldest one if that takes long.
struct Wait<'a> {
    group: &'a Group,
    what: &'static str,
    advice: fn(&Oldest) -> String,
}

pub(super) fn findings(requests: &Requests, now: Timestamp) -> Vec<Finding> {
    let finding =
        |level, message: String| Finding::new(Section::Requests, level, requests.kind, message);
    let backlog = match &requests.found {
        Ok(backlog) => backlog,
        Err(error) => return vec![finding(Level::Unknown, error.clone())],
    };
    let least = if backlog.is_partial { "at least " } else { "" };
    let waits = waits(backlog).into_iter();
    let found: Vec<_> = waits
        .filter_map(|wait| {
            let oldest = wait.group.oldest.as_ref()?;
            let (level, message) = judge(&wait, oldest, now);
            let details = details(wait.group);
            Some(finding(level, format!("{least}{message}")).with(details))
        })
        .collect();
    match found.is_empty() {
        true => {
            let message = match backlog.is_partial {
                true => "none of those that were read waits, and there are more",
                false => "none waits",
            };
            let details = details(&Group::default());
            vec![finding(Level::Ok, message.to_owned()).with(details)]
        }
        false => found,
    }
}

fn waits(backlog: &Backlog) -> [Wait<'_>; 3] {
    [
        Wait {
            group: &backlog.unapproved,
            what: "for an approver",
            advice: |_| {
                "an approver has to approve or deny them; the event NotApproved of the request has \
                 the permission that it needs, and its log may have the reason"
                    .to_owned()
            },
        },
        Wait {
            group: &backlog.of_unknown_kind,
            what: "for an issuer of a kind that does not exist",
            advice: |_| "write Issuer or ClusterIssuer in issuerRef.kind".to_owned(),
        },
        Wait {
            group: &backlog.due,
            what: "for a certificate",
            advice: unanswered,
        },
    ]
}

/// Returns why a request has no answer, as far as it is known.
fn unanswered(oldest: &Oldest) -> String {
    match &oldest.reported {
        Reported::Condition(message) => message.clone(),
        Reported::Nothing => {
            "Signet has not written its condition Ready: no replica leads, or the API server \
             rejects the write, as it does when a webhook fails; the log of the replica that leads \
             has the error"
                .to_owned()
        }
        Reported::Events => "its events have the reason, if they have not expired".to_owned(),
    }
}

fn judge(wait: &Wait<'_>, oldest: &Oldest, now: Timestamp) -> (Level, String) {
    let number = wait.group.count;
    let verb = if number == 1 { "waits" } else { "wait" };
    let (name, to) = (name(oldest), &oldest.to);
    let (what, age) = (wait.what, elapsed(oldest.since, now));
    let message = format!("{number} {verb} {what}; the oldest, {name} to {to}, for {age}");
    match now.duration_since(oldest.since) >= LONG {
        true => (
            Level::Warning,
            format!("{message}: {}", (wait.advice)(oldest)),
        ),
        false => (Level::Ok, message),
    }
}

fn details(group: &Group) -> Details {
    let oldest = group.oldest.as_ref();
    Details::Requests {
        waiting: group.count,
        oldest: oldest.map(name),
        waiting_since: oldest.map(|oldest| oldest.since),
    }
}

fn name(oldest: &Oldest) -> String {
    match &oldest.namespace {
        Some(namespace) => format!("{namespace}/{}", oldest.name),
        None => oldest.name.clone(),
    }
}
