//! The life of a client, as others see it and interfere with it: what it has asked for besides its
//! commands, who watches, and until when all wait.

pub mod monitors;
pub mod pause;
pub mod ports;
pub mod record;

use self::monitors::Monitors;
use self::pause::Pause;
use self::ports::Ports;
use crate::timing::Timing;

/// What holds for all clients.
#[derive(Debug, Default)]
pub struct Life {
    /// Those that watch the others.
    pub monitors: Monitors,
    /// Until when they wait.
    pub pause: Pause,
    /// Where they come from.
    pub ports: Ports,
    /// How long their commands take.
    pub timing: Timing,
}
