//! A queue that is fair between tenants.

use std::collections::VecDeque;

/// Entries in the order in which they are served: tenants round-robin, and those of one tenant as
/// they came. So many entries of one tenant delay another by one entry each time, not by all.
pub(super) struct FairQueue<T> {
    /// The tenants that have entries, the next one first.
    tenants: VecDeque<(String, VecDeque<(u64, T)>)>,
    len: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            tenants: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> FairQueue<T> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry under a number that no other entry has.
    pub(super) fn push(&mut self, tenant: &str, number: u64, entry: T) {
        self.len += 1;
        match self.tenants.iter_mut().find(|(name, _)| name == tenant) {
            Some((_, entries)) => entries.push_back((number, entry)),
            None => {
                let entries = VecDeque::from([(number, entry)]);
                self.tenants.push_back((tenant.to_owned(), entries));
            }
        }
    }

    /// Takes out the next entry, with its number.
    pub(super) fn pop(&mut self) -> Option<(u64, T)> {
        let (tenant, mut entries) = self.tenants.pop_front()?;
        let next = entries.pop_front()?;
        self.len -= 1;
        if !entries.is_empty() {
            self.tenants.push_back((tenant, entries));
        }
        Some(next)
    }

    /// Takes out the entry of this number, if it is still there.
    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        for place in 0..self.tenants.len() {
            let (_, entries) = &mut self.tenants[place];
            let Some(found) = entries.iter().position(|(it, _)| *it == number) else {
                continue;
            };
            let (_, entry) = entries.remove(found)?;
            self.len -= 1;
            if entries.is_empty() {
                self.tenants.remove(place);
            }
            return Some(entry);
        }
        None
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
    }

    #[test]
    fn removes_an_entry_that_waits() {
        let mut queue = queue(&["a", "b", "a"]);
        assert_eq!(queue.remove(1).as_deref(), Some("b1"));
        assert_eq!(queue.remove(1), None);
        assert_eq!(queue.remove(0).as_deref(), Some("a0"));
        assert_eq!(queue.len(), 1);
        assert_eq!(drain(&mut queue), ["a2"]);
        assert_eq!(queue.remove(2), None);
    }
}
