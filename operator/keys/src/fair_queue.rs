//! A queue that is fair between tenants.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Entries in the order in which they are served: tenants round-robin, and those of one tenant in
/// the order of arrival. So a thousand entries of one tenant delay another by one entry each time.
/// What one entry costs does not depend on the number of tenants.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// How many entries there are.
    len: usize,
    /// The tenants that are served, the next one first. One may have no entries any more.
    order: VecDeque<Arc<str>>,
    /// These and the paused ones.
    tenants: HashMap<Arc<str>, Tenant<T>>,
}

#[derive(Debug)]
struct Tenant<T> {
    /// In ascending order.
    entries: VecDeque<(u64, T)>,
    is_paused: bool,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            len: 0,
            order: VecDeque::new(),
            tenants: HashMap::new(),
        }
    }
}

impl<T> FairQueue<T> {
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The tenants that have entries, in no order.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<str>> {
        let tenants = self.tenants.iter();
        let with_entries = tenants.filter(|(_, it)| !it.entries.is_empty());
        with_entries.map(|(tenant, _)| tenant)
    }

    /// Adds an entry under a number that is higher than those of all entries before.
    pub fn push(&mut self, tenant: &str, number: u64, entry: T) {
        self.len += 1;
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            return tenant.entries.push_back((number, entry));
        }
        let name: Arc<str> = tenant.into();
        self.order.push_back(name.clone());
        let tenant = Tenant {
            entries: VecDeque::from([(number, entry)]),
            is_paused: false,
        };
        self.tenants.insert(name, tenant);
    }

    /// Removes the next entry, and returns it with its number.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.pop_unless(|_| false)
    }

    /// Removes the next entry, and returns it with its number. Each tenant whose turn it is may be
    /// paused: its entries keep their places until [`Self::resume`].
    pub fn pop_unless(&mut self, mut pause: impl FnMut(&str) -> bool) -> Option<(u64, T)> {
        while let Some(name) = self.order.pop_front() {
            let Some(tenant) = self.tenants.get_mut(&name) else {
                continue;
            };
            if tenant.entries.is_empty() {
                self.tenants.remove(&name);
                continue;
            }
            if pause(&name) {
                tenant.is_paused = true;
                continue;
            }
            let next = tenant.entries.pop_front();
            match tenant.entries.is_empty() {
                true => drop(self.tenants.remove(&name)),
                false => self.order.push_back(name),
            }
            self.len -= 1;
            return next;
        }
        None
    }

    /// Serves a paused tenant again, before all others.
    pub fn resume(&mut self, tenant: &Arc<str>) {
        let paused = self.tenants.get_mut(tenant).filter(|it| it.is_paused);
        if let Some(paused) = paused {
            paused.is_paused = false;
            self.order.push_front(tenant.clone());
        }
    }

    /// Removes the next entry of a tenant, paused or not, and returns it with its number.
    pub fn pop_of(&mut self, tenant: &str) -> Option<(u64, T)> {
        let next = self.tenants.get_mut(tenant)?.entries.pop_front()?;
        self.removed_one();
        Some(next)
    }

    /// Removes the entry of a tenant with this number, if it is still there.
    pub(crate) fn remove(&mut self, tenant: &str, number: u64) -> Option<T> {
        let removed = self.tenants.get_mut(tenant)?.remove(number)?;
        self.removed_one();
        Some(removed)
    }

    /// Removes the entry of any tenant with this number, if it is still there.
    #[cfg(any(feature = "pkcs11", test))]
    pub(crate) fn remove_of_any(&mut self, number: u64) -> Option<T> {
        let mut tenants = self.tenants.values_mut();
        let removed = tenants.find_map(|tenant| tenant.remove(number))?;
        self.removed_one();
        Some(removed)
    }

    /// A tenant without entries is left to [`Self::pop`], unless nothing is left for it.
    fn removed_one(&mut self) {
        self.len -= 1;
        if self.len == 0 {
            self.order.clear();
            self.tenants.clear();
        }
    }
}

impl<T> Tenant<T> {
    fn remove(&mut self, number: u64) -> Option<T> {
        let entries = &mut self.entries;
        let found = entries.binary_search_by_key(&number, |(it, _)| *it);
        Some(entries.remove(found.ok()?)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(tenants: &[&str]) -> FairQueue<String> {
        let mut queue = FairQueue::default();
        for (number, tenant) in (0..).zip(tenants) {
            queue.push(tenant, number, format!("{tenant}{number}"));
        }
        queue
    }

    fn drain(queue: &mut FairQueue<String>) -> Vec<String> {
        std::iter::from_fn(|| queue.pop().map(|(_, entry)| entry)).collect()
    }

    #[test]
    fn a_tenant_with_many_entries_delays_another_by_one() {
        let mut queue = queue(&["a", "a", "a", "a", "b", "c", "b"]);
        assert_eq!(queue.len(), 7);
        let order = ["a0", "b4", "c5", "a1", "b6", "a2", "a3"];
        assert_eq!(drain(&mut queue), order);
        assert_eq!(queue.len(), 0);
        assert!(queue.order.is_empty() && queue.tenants.is_empty());
    }

    #[test]
    fn a_paused_tenant_keeps_its_place_and_is_not_asked_about() {
        let mut queue = queue(&["a", "b", "a", "b", "c"]);
        let mut asked = String::new();
        let mut pop = |queue: &mut FairQueue<String>, paused: &str| {
            let next = queue.pop_unless(|tenant| {
                asked += tenant;
                paused.contains(tenant)
            });
            (next.map(|(_, entry)| entry), std::mem::take(&mut asked))
        };
        let (entry, asked) = pop(&mut queue, "a");
        assert_eq!((entry.as_deref(), &*asked), (Some("b1"), "ab"));
        let (entry, asked) = pop(&mut queue, "bc");
        assert_eq!((entry, &*asked), (None, "cb"));
        assert_eq!(pop(&mut queue, ""), (None, String::new()));
        queue.push("a", 5, "a5".to_owned());
        assert_eq!(pop(&mut queue, ""), (None, String::new()));
        assert_eq!(queue.len(), 5);
        for tenant in ["c", "a"] {
            queue.resume(&tenant.into());
        }
        queue.resume(&"without entries".into());
        assert_eq!(drain(&mut queue), ["a0", "c4", "a2", "a5"]);
        queue.resume(&"b".into());
        assert_eq!(drain(&mut queue), ["b3"]);
    }

    #[test]
    fn removes_a_queued_entry() {
        let mut queue = queue(&["a", "b", "a"]);
        assert_eq!(queue.remove("a", 1), None);
        assert_eq!(queue.remove("b", 1).as_deref(), Some("b1"));
        assert_eq!(queue.remove("b", 1), None);
        assert_eq!(queue.remove_of_any(1), None);
        assert_eq!(queue.remove_of_any(0).as_deref(), Some("a0"));
        assert_eq!(queue.len(), 1);
        assert_eq!(drain(&mut queue), ["a2"]);
        assert_eq!(queue.remove("a", 2), None);
    }

    #[test]
    fn a_tenant_without_entries_is_forgotten_with_the_last_entry() {
        let mut queue = queue(&["a", "b", "c", "c"]);
        let paused = queue.pop_unless(|tenant| tenant != "c");
        assert_eq!(paused.unwrap().1, "c2");
        assert_eq!(queue.pop_of("a").unwrap().1, "a0");
        assert_eq!(queue.pop_of("a"), None);
        let tenants: std::collections::BTreeSet<_> = queue.tenants().map(|it| &**it).collect();
        assert_eq!(tenants, ["b", "c"].into());
        assert_eq!(queue.pop_of("b").unwrap().1, "b1");
        assert_eq!(queue.remove("c", 3).as_deref(), Some("c3"));
        assert!(queue.order.is_empty() && queue.tenants.is_empty());
        // It is not paused any more.
        queue.push("b", 4, "b4".to_owned());
        queue.resume(&"b".into());
        assert_eq!(queue.order.len(), 1);
        assert_eq!(drain(&mut queue), ["b4"]);
    }
}
