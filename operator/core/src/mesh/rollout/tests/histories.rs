//! Random histories of what is wanted, delivered late and with gaps.

use super::world::World;
use super::*;

const HISTORIES: u64 = 300;
/// Minutes in which what is wanted changes, and then those in which it stays.
const CHANGING: u32 = 400;
const SETTLING: u32 = 200;

/// Lets time pass. What is wanted changes now and then: in the middle of a rotation, too.
fn change(world: &mut World, issuers: u64) {
    for _ in 0..CHANGING {
        if world.dice.once_in(25) {
            world.want(issuers);
        }
        minute(world);
    }
}

fn minute(world: &mut World) {
    world.pass_a_minute();
    if world.dice.once_in(2) {
        world.reconcile();
    }
}

#[test]
fn istiod_loads_every_write_and_ends_with_what_is_wanted() {
    let (mut writes, mut lingered) = (0, 0);
    for seed in 0..HISTORIES {
        let mut world = World::new(seed, true);
        change(&mut world, ROOTS.len() as u64);
        (0..SETTLING).for_each(|_| minute(&mut world));
        assert_eq!((world.refusals(), world.put_backs), (0, 0), "{seed}");

        let Step::Done { lingering } = world.plan() else {
            panic!("{seed}: {:?}", world.plan());
        };
        let Contents { ca, roots } = &world.secret.contents;
        assert_eq!(*ca, world.ca, "{seed}");
        assert!(
            world.roots.iter().all(|root| roots.contains(root)),
            "{seed}"
        );
        let count = roots.certificates().count();
        assert_eq!(count, world.roots.len() + lingering.len(), "{seed}");
        // Only what is between two others stays.
        let ends = [
            roots.certificates().next(),
            roots.certificates().next_back(),
        ];
        let mut ends = ends.into_iter().flatten();
        assert!(ends.all(|end| world.roots.contains(end)), "{seed}");
        for replica in &world.replicas {
            assert_eq!(replica.loaded.ca, *ca, "{seed}");
            assert!(replica.loaded.roots.has_same_roots(roots), "{seed}");
        }
        writes += world.writes;
        lingered += usize::from(!lingering.is_empty());
    }
    assert!(writes > 10 * HISTORIES as u32, "only {writes} writes");
    assert!(lingered > 0 && lingered < HISTORIES as usize, "{lingered}");
}

/// Without `ISTIO_MULTIROOT_MESH`, istiod refuses changed roots and all that comes with them. The CA
/// is renewed below the root that it has, all the same.
#[test]
fn renews_the_ca_of_an_istiod_that_refuses_changed_roots() {
    let mut put_backs = 0;
    for seed in 0..HISTORIES {
        let mut world = World::new(seed, false);
        change(&mut world, 1);
        (0..SETTLING).for_each(|_| minute(&mut world));
        for replica in &world.replicas {
            assert_eq!(replica.loaded.roots, file("A"), "{seed}");
            assert_eq!(replica.loaded.ca, world.ca, "{seed}");
        }
        put_backs += world.put_backs;
    }
    assert!(put_backs > HISTORIES as u32, "only {put_backs}");
}

/// The histories can fail: istiod refuses what an operator writes that makes all changes at once.
#[test]
fn istiod_refuses_all_changes_at_once() {
    let mut refused = 0;
    for seed in 0..HISTORIES {
        let mut world = World::new(seed, true);
        world.is_careless = true;
        change(&mut world, ROOTS.len() as u64);
        refused += u64::from(world.refusals() > 0);
    }
    assert!(refused > HISTORIES / 2, "only {refused} of {HISTORIES}");
}
