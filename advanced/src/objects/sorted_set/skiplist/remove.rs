//! How entries leave a skip list (`zslDelete` and `zslDeleteNode` in Redis): the links that pass over
//! one become shorter, and a node that is empty, or has few entries, goes.

use std::mem;
use std::sync::Arc;

use super::nodes::{END, HEAD};
use super::page::{MOST, Member};
use super::{Bound, Path, SkipList};

/// A page with fewer entries than this is merged with the next, if that leaves room.
const FEW: usize = MOST / 4;

impl SkipList {
    /// Removes an entry, which must be there (`zslDelete`).
    pub fn remove(&mut self, score: f64, member: &[u8]) {
        let path = self.find(&Bound::entry(score, member).or_equal());
        let page = &self.nodes[path.0[0].node].page;
        let position = page.count_before(&Bound::entry(score, member));
        self.remove_at(&path, position);
    }

    /// Removes the entry with this rank, which must be there, and returns it.
    pub fn remove_rank(&mut self, rank: usize) -> (Member, f64) {
        let path = self.find_rank(rank);
        self.remove_at(&path, rank - path.0[0].rank)
    }

    /// Removes the entry at this position of the page that `path` leads to.
    fn remove_at(&mut self, path: &Path, position: usize) -> (Member, f64) {
        let node = path.0[0].node;
        for lane in 0..self.height() {
            self.nodes[path.0[lane].node].links[lane].span -= 1;
        }
        self.len -= 1;
        let page = &self.nodes[node].page;
        if page.len() == 1 && node != HEAD {
            let (member, score) = (Arc::clone(&page.members[0]), page.scores[0]);
            self.unlink(&Bound::entry(score, &member));
            return (member, score);
        }
        let page = self.nodes.page_mut(node);
        let removed = (page.members.remove(position), page.scores.remove(position));
        self.nodes.renew(node);
        self.merge_if_few(node);
        removed
    }

    /// Takes the entries of the next node into this one, if there is much room in both.
    fn merge_if_few(&mut self, node: usize) {
        let (next, left) = (self.next(node), self.nodes[node].page.len());
        if next == END || left >= FEW || left + self.nodes[next].page.len() > MOST {
            return;
        }
        let page = Arc::clone(&self.nodes[next].page);
        self.unlink(&Bound::entry(page.scores[0], &page.members[0]));
        self.nodes.page_mut(node).append(Arc::unwrap_or_clone(page));
    }

    /// Takes the first node that is not before `bound` out of its lanes. The links that led to it
    /// pass over its entries now.
    fn unlink(&mut self, bound: &Bound<'_>) {
        let path = self.find(bound);
        let node = self.next(path.0[0].node);
        let links = mem::take(&mut self.nodes[node].links);
        for (lane, link) in links.iter().enumerate() {
            let before = &mut self.nodes[path.0[lane].node].links[lane];
            before.next = link.next;
            before.span += link.span;
        }
        if links[0].next != END {
            self.nodes[links[0].next].back = path.0[0].node;
        }
        self.nodes.remove(node);
    }
}
