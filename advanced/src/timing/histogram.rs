//! How often which time was taken, in buckets that grow with the time (Redis has `hdr_histogram`).
//!
//! Each power of two nanoseconds is split into [`PARTS`], so a time is known to 2 %, and the place
//! of its bucket follows from its bits.

/// Into how many buckets each power of two is split, and how many bits that is.
const PARTS: u64 = 64;
const PART_BITS: u32 = PARTS.trailing_zeros();

/// Longer times count as this one, as in Redis: a second.
const LONGEST: u64 = 1_000_000_000;

/// Counts of times.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// Made as long as the longest time needs.
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Adds a time, in nanoseconds, that was taken so often.
    #[inline]
    pub fn add(&mut self, nanos: u64, times: u64) {
        let bucket = bucket(nanos.min(LONGEST));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += times;
        self.total += times;
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// So many percent of the times were at most this one, in nanoseconds.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent / 100.0 * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(0, highest)
    }

    /// Microseconds, each twice those before, and how many of the times were at most so long.
    /// Those that add nothing are left out.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let (mut limit, mut seen, mut shown) = (1 << 10, 0, 0);
        for (bucket, count) in self.counts.iter().enumerate() {
            while highest(bucket) >= limit {
                if seen > shown {
                    steps.push((limit / 1000, seen));
                    shown = seen;
                }
                limit <<= 1;
            }
            seen += count;
        }
        if seen > shown {
            steps.push((limit / 1000, seen));
        }
        steps
    }
}

/// The bucket of a time, in nanoseconds.
#[inline]
fn bucket(nanos: u64) -> usize {
    if nanos < PARTS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - PART_BITS;
    ((u64::from(shift) * PARTS) + (nanos >> shift)) as usize
}

/// The longest time in a bucket, in nanoseconds.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * PARTS {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    let part = bucket - shift * PARTS;
    ((part + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_that_ends_after_it() {
        for nanos in (1..5000).chain((0..40).map(|bit| (1 << bit) % LONGEST)) {
            let end = highest(bucket(nanos));
            assert!(
                end >= nanos && end <= nanos + nanos / PARTS,
                "{nanos} {end}"
            );
            assert!(nanos == 0 || bucket(nanos) >= bucket(nanos - 1));
        }
    }

    #[test]
    fn percentiles_and_steps() {
        let mut histogram = Histogram::default();
        histogram.add(1000, 99);
        histogram.add(1_000_000, 1);
        assert_eq!(histogram.percentile(50.0) / 1000, 1);
        assert_eq!(histogram.percentile(100.0) / 10_000, 100);
        assert_eq!(histogram.cumulative(), [(1, 99), (1048, 100)]);
        assert_eq!(histogram.total(), 100);
    }
}
