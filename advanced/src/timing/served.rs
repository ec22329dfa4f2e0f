//! How long it takes to serve a command that has waited (`updateStatsOnUnblock`). Its call was counted
//! when it began to wait.

use std::time::Duration;

use super::{Called, Measured, Timing};

impl Timing {
    /// It has been served within this time, and got this error if it has failed. `None` if nobody has
    /// to know.
    pub fn served(
        &mut self,
        command: Called,
        time: Duration,
        error: Option<&[u8]>,
    ) -> Option<Measured> {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let counted = self.calls_of(command);
        counted.nanos += nanos;
        counted.failed += u64::from(error.is_some());
        if let Some(text) = error {
            self.count_error(text, None);
        }
        let (calls, is_slow) = (1, nanos >= self.slow_from);
        (is_slow || self.latency.threshold > 0).then_some(Measured {
            time,
            calls,
            is_slow,
        })
    }
}
