//! Every state of a generation and every transition between them.

use std::fmt::Write as _;

/// The state of a generation, derived from its facts and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It has a key and waits for its certificate.
    Requested,
    /// It has a certificate, and its root is yet to be published.
    Prepared,
    /// Its root is in the bundle, and it waits for its activation.
    Published,
    /// It signs.
    Active,
    /// Another took its place, and certificates under it may still be valid.
    Old,
    /// No certificate under it can be valid.
    Expired,
    /// The spec revokes its key.
    Revoked,
}

/// What happens to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its parent signed the certificate, which passed every check.
    Certified,
    /// Its root is in the bundle, wherever that is published.
    Published,
    /// The leaves that came without its root have expired, or a command activates it.
    Activated,
    /// Another generation was activated.
    Superseded,
    /// The spec asks for something else, or the certificate is of no use.
    Abandoned,
    /// The last certificate under it has expired, by the recorded lifetimes.
    Ended,
    /// The spec revokes its key.
    Revoked,
}

/// The transitions: a state, what happens, and the state after it.
pub const TRANSITIONS: &[(State, Event, State)] = &[
    (State::Requested, Event::Certified, State::Prepared),
    (State::Prepared, Event::Published, State::Published),
    (State::Published, Event::Activated, State::Active),
    (State::Active, Event::Superseded, State::Old),
    (State::Active, Event::Ended, State::Expired),
    (State::Old, Event::Ended, State::Expired),
    (State::Requested, Event::Abandoned, State::Expired),
    (State::Prepared, Event::Abandoned, State::Expired),
    (State::Published, Event::Abandoned, State::Expired),
    (State::Requested, Event::Revoked, State::Revoked),
    (State::Prepared, Event::Revoked, State::Revoked),
    (State::Published, Event::Revoked, State::Revoked),
    (State::Active, Event::Revoked, State::Revoked),
    (State::Old, Event::Revoked, State::Revoked),
    (State::Expired, Event::Revoked, State::Revoked),
];

/// Returns the state after an event; none if the event cannot happen in this state.
pub fn after(state: State, event: Event) -> Option<State> {
    let mut transitions = TRANSITIONS.iter();
    let found = transitions.find(|(from, on, _)| (*from, *on) == (state, event));
    found.map(|(_, _, to)| *to)
}

impl State {
    /// Returns its name in `status.ca`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "Requested",
            Self::Prepared => "Prepared",
            Self::Published => "Published",
            Self::Active => "Active",
            Self::Old => "Old",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
        }
    }
}

impl Event {
    /// Returns its name, as the log and the diagram have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Published => "published",
            Self::Activated => "activated",
            Self::Superseded => "superseded",
            Self::Abandoned => "abandoned",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }
}

/// Returns the table as a Mermaid state diagram, for the docs.
pub fn diagram() -> String {
    let mut diagram = "stateDiagram-v2\n    [*] --> Requested: created\n".to_owned();
    for (from, on, to) in TRANSITIONS {
        let (from, on, to) = (from.as_str(), on.as_str(), to.as_str());
        let _ = writeln!(diagram, "    {from} --> {to}: {on}");
    }
    diagram
}
