//! A queue that is fair between tenants.

use std::collections::VecDeque;

/// Entries in the order in which they are served: tenants round-robin, and those of one tenant in
/// the order of arrival. So a thousand entries of one tenant delay another by one entry each time.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// The tenants that have entries, the next one first, each with its entries in ascending order.
    tenants: VecDeque<(String, VecDeque<(u64, T)>)>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            tenants: VecDeque::new(),
        }
    }
}

impl<T> FairQueue<T> {
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tenants.iter().map(|(_, entries)| entries.len()).sum()
    }

    /// Adds an entry under a number that is higher than those of all entries before.
    pub fn push(&mut self, tenant: &str, number: u64, entry: T) {
        match self.tenants.iter_mut().find(|(name, _)| name == tenant) {
            Some((_, entries)) => entries.push_back((number, entry)),
            None => {
                let entries = VecDeque::from([(number, entry)]);
                self.tenants.push_back((tenant.to_owned(), entries));
            }
        }
    }

    /// Removes the next entry, and returns it with its number.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.pop_of(|_| true)
    }

    /// Removes the next entry of a tenant that may be served now, and returns it with its number. The
    /// others keep their places.
    pub fn pop_of(&mut self, mut may_be_served: impl FnMut(&str) -> bool) -> Option<(u64, T)> {
        let mut tenants = self.tenants.iter();
        let index = tenants.position(|(tenant, _)| may_be_served(tenant))?;
        let (tenant, mut entries) = self.tenants.remove(index)?;
        let next = entries.pop_front();
        if !entries.is_empty() {
            self.tenants.push_back((tenant, entries));
        }
        next
    }

    /// Removes the entry with this number, if it is still there.
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let removed = self.tenants.iter_mut().find_map(|(_, entries)| {
            let found = entries.binary_search_by_key(&number, |(it, _)| *it);
            entries.remove(found.ok()?)
        });
        self.tenants.retain(|(_, entries)| !entries.is_empty());
        Some(removed?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<T> FairQueue<T> {
        pub(crate) fn tenants(&self) -> usize {
            self.tenants.len()
        }
    }

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
    }

    #[test]
    fn a_tenant_that_may_not_be_served_keeps_its_place() {
        let mut queue = queue(&["a", "b", "a", "b", "c"]);
        let mut pop_of = |tenants: &str| {
            let next = queue.pop_of(|tenant| tenants.contains(tenant));
            next.map(|(_, entry)| entry)
        };
        assert_eq!(pop_of("bc").as_deref(), Some("b1"));
        assert_eq!(pop_of(""), None);
        assert_eq!(pop_of("abc").as_deref(), Some("a0"));
        assert_eq!(pop_of("ab").as_deref(), Some("b3"));
        assert_eq!(drain(&mut queue), ["c4", "a2"]);
    }

    #[test]
    fn removes_a_queued_entry() {
        let mut queue = queue(&["a", "b", "a"]);
        assert_eq!(queue.remove(1).as_deref(), Some("b1"));
        assert_eq!(queue.remove(1), None);
        assert_eq!(queue.remove(0).as_deref(), Some("a0"));
        assert_eq!(queue.len(), 1);
        assert_eq!(drain(&mut queue), ["a2"]);
        assert_eq!(queue.remove(2), None);
    }
}
