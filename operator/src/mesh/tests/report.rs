//! The condition, the status and the events.

use jiff::{SignedDuration, Timestamp};
use signet_api::MeshWait;
use signet_core::mesh::rollout::Wait;

use crate::mesh::reason::MeshReason;
use crate::mesh::report::Report;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn loading() -> Report {
    Report::waits(&Wait::Loading(now() + SignedDuration::from_mins(10)))
}

#[test]
fn only_a_mesh_that_has_everything_is_updated() {
    let up_to_date = Report::new(MeshReason::UpToDate, "it has it");
    let condition = up_to_date.condition(&[], Some(1), now());
    assert_eq!(
        (&*condition.status, &*condition.reason),
        ("True", "UpToDate")
    );
    let condition = loading().condition(&[], Some(1), now());
    assert_eq!(
        (&*condition.status, &*condition.reason),
        ("False", "Loading")
    );
}

#[test]
fn a_write_is_an_event_each_time_and_a_problem_once() {
    let wrote = Report {
        written: Some("added the root CN=B".to_owned()),
        ..loading()
    };
    let events = wrote.events(&[wrote.condition(&[], None, now())]);
    let events: Vec<_> = events.iter().map(|event| event.reason).collect();
    assert_eq!(events, ["MeshUpdated"]);
    let refused = Report::new(MeshReason::ForeignObject, "the Secret cacerts exists");
    let events = refused.events(&[]);
    assert!(events.iter().all(|event| event.warning));
    assert_eq!(events.len(), 1);
    assert_eq!(refused.events(&[refused.condition(&[], None, now())]), []);
}

#[test]
fn the_status_says_since_when_the_same_thing_is_waited_for() {
    let later = now() + SignedDuration::from_mins(1);
    let first = loading().status(None, None, now()).unwrap();
    assert_eq!(first.waits_for, Some(MeshWait::Mesh));
    let second = loading().status(Some(&first), None, later).unwrap();
    assert_eq!(second.waits_since, first.waits_since);
    let up_to_date = Report::new(MeshReason::UpToDate, "it has it");
    let leaves = up_to_date.status(Some(&second), Some(MeshWait::Leaves), later);
    let leaves = leaves.unwrap();
    assert_eq!(leaves.waits_for, Some(MeshWait::Leaves));
    assert_ne!(leaves.waits_since, first.waits_since);
    assert_eq!(up_to_date.status(Some(&leaves), None, later), None);
}
