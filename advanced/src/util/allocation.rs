//! What an allocation takes: the allocator rounds it up (`zmalloc_size` in Redis).

/// From so many bytes on, what is not used of an allocation takes memory only up to the end of its
/// page.
const PAGE: usize = 4096;

/// How many bytes of memory an allocation of this size takes, about. mimalloc has blocks of a multiple
/// of 16 bytes, and of four sizes between a power of two and the next.
pub fn allocated(size: usize) -> usize {
    match size {
        0..=8 => size.next_multiple_of(8),
        9..=64 => size.next_multiple_of(16),
        _ => {
            let power = 1 << (size - 1).ilog2();
            size.next_multiple_of(PAGE.min(power / 4))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_the_allocator() {
        for (size, block) in [
            (0, 0),
            (1, 8),
            (9, 16),
            (33, 48),
            (64, 64),
            (65, 80),
            (128, 128),
            (129, 160),
            (1_281, 1_536),
            (1 << 20, 1 << 20),
            ((1 << 20) + 1, (1 << 20) + PAGE),
        ] {
            assert_eq!(allocated(size), block, "{size}");
        }
    }
}
