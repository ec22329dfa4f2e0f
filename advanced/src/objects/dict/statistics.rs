//! How a table is filled, for DEBUG HTSTATS-KEY (`dictGetStats`).

use super::{Buckets, Dict, Record};

/// Chains of this length and longer are counted in one (`DICT_STATS_VECTLEN`).
const LONGEST: usize = 50;

impl<R: Record> Dict<R> {
    /// What there is to say about its tables, in the words of Redis.
    pub fn statistics(&self) -> String {
        let names = ["main hash table", "rehashing target"];
        let tables = self.tables().zip(names).enumerate();
        let texts = tables.map(|(number, (table, name))| {
            format!("Hash table {number} stats ({name}):\n{}", describe(table))
        });
        texts.collect()
    }
}

fn describe<R: Record>(table: &Buckets<R>) -> String {
    let size = table.size();
    let lengths = (0..size).map(|bucket| table.chain(bucket).count());
    let (mut counts, mut records, mut longest) = ([0_usize; LONGEST], 0, 0);
    for length in lengths {
        counts[length.min(LONGEST - 1)] += 1;
        records += length;
        longest = longest.max(length);
    }
    if records == 0 {
        return "No stats available for empty dictionaries\n".to_owned();
    }
    let slots = size - counts[0];
    let average = records as f32 / slots as f32;
    let mut text = format!(
        " table size: {size}\n number of elements: {records}\n different slots: {slots}\n max \
         chain length: {longest}\n avg chain length (counted): {average:.2}\n avg chain length \
         (computed): {average:.2}\n Chain length distribution:\n"
    );
    // The last one is not shown, as in Redis.
    for (length, count) in counts[..LONGEST - 1].iter().enumerate() {
        if *count > 0 {
            let percent = *count as f32 / size as f32 * 100.0;
            text += &format!("   {length}: {count} ({percent:.2}%)\n");
        }
    }
    text
}
