use super::*;

const DURATION: Duration = Duration::from_secs(15);
/// Of a simulation.
const TICK: Duration = Duration::from_millis(100);

/// A replica with its own wall clock.
struct Replica {
    election: Election,
    clock_offset: i64,
    /// It runs, and reaches the API server.
    runs: bool,
    reaches: bool,
    wait: Instant,
}

/// Replicas and the Lease, which has a version for each write.
struct World {
    begin: Instant,
    now: Instant,
    lease: Option<Record>,
    version: u32,
    replicas: Vec<Replica>,
}

impl World {
    fn new(clock_offsets: &[i64]) -> Self {
        let begin = Instant::now();
        let replicas = clock_offsets.iter().enumerate();
        let replicas = replicas.map(|(number, clock_offset)| Replica {
            election: Election::new(&format!("replica-{number}"), DURATION),
            clock_offset: *clock_offset,
            runs: true,
            reaches: true,
            wait: begin,
        });
        Self {
            begin,
            now: begin,
            lease: None,
            version: 0,
            replicas: replicas.collect(),
        }
    }

    fn wall(&self, replica: usize) -> Timestamp {
        let seconds = i64::try_from(self.now.duration_since(self.begin).as_secs()).unwrap();
        Timestamp::from_second(1_800_000_000 + seconds + self.replicas[replica].clock_offset)
            .unwrap()
    }

    /// One step of a replica, as `lease.rs` takes it.
    fn step(&mut self, number: usize) {
        let (now, wall) = (self.now, self.wall(number));
        let lease = &mut self.lease;
        let replica = &mut self.replicas[number];
        let election = &mut replica.election;
        let next = election.next(now);
        if let Next::Wait(wait) = next {
            replica.wait = now + wait;
            return;
        }
        if !replica.reaches {
            replica.wait = now + election.retry();
            return;
        }
        let (is_current, record) = match &next {
            Next::Read => return election.read(lease.clone(), now),
            Next::Create => (lease.is_none(), election.record(None, wall)),
            Next::Write(before) => {
                let current = lease.as_ref().map(|it| &it.version);
                let record = election.record(Some(before), wall);
                (current == Some(&before.version), record)
            }
            Next::Wait(_) => unreachable!(),
        };
        if !is_current {
            return election.conflict();
        }
        self.version += 1;
        let written = Record {
            version: self.version.to_string(),
            ..record
        };
        *lease = Some(written.clone());
        election.wrote(written, now);
    }

    fn leaders(&self) -> Vec<usize> {
        let replicas = self.replicas.iter().enumerate();
        let leads = |replica: &Replica| replica.runs && replica.election.is_leading(self.now);
        let leaders = replicas.filter(|(_, replica)| leads(replica));
        leaders.map(|(number, _)| number).collect()
    }

    /// Lets time pass, and returns how long at most none led in a row. Two never do.
    fn run(&mut self, time: Duration) -> Duration {
        let end = self.now + time;
        let (mut alone, mut longest) = (self.now, Duration::ZERO);
        while self.now < end {
            for number in 0..self.replicas.len() {
                // Each takes as many steps as it can.
                for _ in 0..5 {
                    let replica = &self.replicas[number];
                    if replica.runs && self.now >= replica.wait {
                        self.step(number);
                    }
                }
            }
            let leaders = self.leaders();
            assert!(leaders.len() < 2, "{leaders:?} lead at once");
            if !leaders.is_empty() {
                alone = self.now;
            }
            longest = longest.max(self.now.duration_since(alone));
            self.now += TICK;
        }
        longest
    }
}

/// Clocks that are minutes apart neither give two leaders nor none.
#[test]
fn clocks_that_differ_by_minutes_do_not_matter() {
    for offsets in [[0, 0, 0], [0, 600, -600], [-3600, 0, 7200]] {
        let mut world = World::new(&offsets);
        assert!(world.run(DURATION) <= TICK);
        let first = world.leaders()[0];
        assert!(world.run(Duration::from_secs(300)) <= TICK);
        assert_eq!(world.leaders(), [first], "nothing changes without a reason");
        world.replicas[first].runs = false;
        let without = world.run(Duration::from_secs(300));
        assert!(without <= DURATION * 3 / 2, "{without:?}");
        let second = world.leaders()[0];
        assert_ne!(second, first);
        world.replicas[first].runs = true;
        assert!(world.run(Duration::from_secs(60)) <= TICK);
        assert_eq!(world.leaders(), [second]);
    }
}

/// A holder that does not reach the API server stands by before another one leads, and leads again if
/// none does.
#[test]
fn a_leader_that_cannot_renew_stands_by_in_time() {
    let mut world = World::new(&[0, -600]);
    world.run(DURATION);
    let first = world.leaders()[0];
    world.replicas[first].reaches = false;
    assert!(world.run(Duration::from_secs(120)) <= DURATION);
    assert_eq!(world.leaders(), [1 - first]);
    for replica in &mut world.replicas {
        replica.reaches = false;
    }
    world.run(Duration::from_secs(120));
    assert_eq!(world.leaders(), [0; 0]);
    for replica in &mut world.replicas {
        replica.reaches = true;
    }
    assert!(world.run(DURATION * 2) <= DURATION * 3 / 2);
    assert_eq!(world.leaders().len(), 1);
}

#[test]
fn its_holder_recreates_a_lease_that_was_deleted() {
    let mut world = World::new(&[0, 600, -600]);
    world.run(DURATION);
    let first = world.leaders()[0];
    for _ in 0..5 {
        world.lease = None;
        assert!(world.run(DURATION) <= TICK);
        assert_eq!(world.leaders(), [first]);
        let lease = world.lease.as_ref().unwrap();
        assert_eq!(lease.holder, Some(format!("replica-{first}")));
    }
    world.replicas[first].runs = false;
    world.lease = None;
    assert!(world.run(DURATION * 2) <= DURATION * 3 / 2);
    assert_eq!(world.leaders().len(), 1);
}

#[test]
fn a_released_lease_is_taken_soon() {
    let mut world = World::new(&[0, 0]);
    world.run(DURATION);
    let first = world.leaders()[0];
    world.replicas[first].runs = false;
    let mut released = world.lease.clone().unwrap();
    (released.holder, released.version) = (None, "released".to_owned());
    world.lease = Some(released);
    assert!(world.run(DURATION) <= DURATION / 2);
    assert_eq!(world.lease.as_ref().unwrap().transitions, 1);
}

/// Labels and annotations are not a sign of life.
#[test]
fn only_the_record_of_a_candidate_counts_as_a_change() {
    let begin = Instant::now();
    let mut election = Election::new("me", DURATION);
    let mut record = Record {
        holder: Some("other".to_owned()),
        seconds: Some(15),
        ..Record::default()
    };
    for second in 0..15 {
        record.version = second.to_string();
        let now = begin + Duration::from_secs(second);
        election.read(Some(record.clone()), now);
        assert!(!matches!(election.next(now), Next::Write(_)));
    }
    let now = begin + DURATION;
    assert_eq!(election.next(now), Next::Write(record.clone()));
    record.transitions += 1;
    election.read(Some(record), now);
    assert!(matches!(election.next(now), Next::Wait(_)));
}

#[test]
fn an_attempt_leaves_time_for_another_one() {
    let begin = Instant::now();
    let mut election = Election::new("me", DURATION);
    assert_eq!(election.attempt(begin), DURATION / 2);
    election.wrote(Record::default(), begin);
    let at = |seconds: f32| begin + Duration::from_secs_f32(seconds);
    assert_eq!(election.attempt(at(3.75)), Duration::from_secs_f32(3.75));
    assert_eq!(election.attempt(at(10.75)), Duration::from_millis(500));
    assert_eq!(election.attempt(at(11.0)), Duration::from_millis(250));
    assert!(election.is_leading(at(11.2)) && !election.is_leading(at(11.25)));
}

#[test]
fn a_term_keeps_its_begin_and_another_one_counts() {
    let election = Election::new("me", DURATION);
    let [early, late] = [1, 2].map(|second| Timestamp::from_second(second).unwrap());
    let first = election.record(None, early);
    assert_eq!((first.transitions, first.acquired), (0, Some(early)));
    let renewed = election.record(Some(&first), late);
    assert_eq!((renewed.transitions, renewed.acquired), (0, Some(early)));
    assert_eq!(renewed.renewed, Some(late));
    let other = Election::new("other", DURATION).record(Some(&renewed), late);
    assert_eq!((other.transitions, other.acquired), (1, Some(late)));
}
