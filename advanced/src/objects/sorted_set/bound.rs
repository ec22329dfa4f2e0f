//! A place between two entries of a sorted set. A range is what lies between two of them
//! (`zrangespec` and `zlexrangespec` in Redis).

/// A place in the order of the entries: by score, and by member where the scores are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound<'a> {
    at: At<'a>,
    /// What is equal is before it.
    is_after_equal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At<'a> {
    Start,
    End,
    Score(f64),
    /// Where all scores are equal, the members are in order.
    Member(&'a [u8]),
    Entry(f64, &'a [u8]),
}

impl<'a> Bound<'a> {
    pub const START: Self = Self::before(At::Start);
    pub const END: Self = Self::before(At::End);

    const fn before(at: At<'a>) -> Self {
        Self {
            at,
            is_after_equal: false,
        }
    }

    /// Before all entries with this score.
    pub fn score(score: f64) -> Self {
        Self::before(At::Score(score))
    }

    /// Before this member.
    pub fn member(member: &'a [u8]) -> Self {
        Self::before(At::Member(member))
    }

    /// Before this entry.
    pub fn entry(score: f64, member: &'a [u8]) -> Self {
        Self::before(At::Entry(score, member))
    }

    /// The place after what is equal.
    pub fn or_equal(self) -> Self {
        Self {
            is_after_equal: true,
            ..self
        }
    }

    /// Whether an entry is before this place. Its member is asked for only where that decides.
    pub fn is_after<'b>(&self, score: f64, member: impl FnOnce() -> &'b [u8]) -> bool {
        let equal = self.is_after_equal;
        match self.at {
            At::Start => false,
            At::End => true,
            At::Score(limit) => score < limit || (equal && score == limit),
            At::Member(limit) => is_less(member(), limit, equal),
            At::Entry(limit, _) if score != limit => score < limit,
            At::Entry(_, limit) => is_less(member(), limit, equal),
        }
    }
}

fn is_less(member: &[u8], limit: &[u8], or_equal: bool) -> bool {
    member < limit || (or_equal && member == limit)
}
