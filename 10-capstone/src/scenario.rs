//! A scenario: how many clients send how much, and how.
//!
//! This file owns the list of what is measured. A scenario is plain data, so that
//! a new one is a line here and nothing anywhere else.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The most clients: below the 1024 open files that many systems allow a process.
const MAX_CLIENTS: u16 = 1000;
/// The most commands on their way at once on one connection.
const MAX_PIPELINE: u16 = 1000;
/// The longest value: 1 MiB.
const MAX_VALUE_BYTES: u32 = 1024 * 1024;

/// One way of loading a server, with GET and SET one to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Connections, each with one batch on its way.
    pub clients: u16,
    /// Commands in a batch: those sent before the first reply is waited for.
    pub pipeline: u16,
    /// Length of every value, in bytes.
    pub value_bytes: u32,
}

impl Scenario {
    /// The six scenarios of a standard run.
    pub fn standard() -> Vec<Self> {
        let shapes = [(1, 1), (50, 1), (50, 16)];
        [16, 1024]
            .into_iter()
            .flat_map(|value_bytes| {
                shapes.map(|(clients, pipeline)| Self {
                    clients,
                    pipeline,
                    value_bytes,
                })
            })
            .collect()
    }

    /// The bytes that replies to one batch may take: every value, and its `$1024\r\n…\r\n`.
    pub fn reply_bytes(&self) -> usize {
        usize::from(self.pipeline) * (self.value_bytes as usize + 32)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}×{}, {} B", self.clients, self.pipeline, self.value_bytes);
        out.pad(&text)
    }
}

impl FromStr for Scenario {
    type Err = String;

    /// Reads `50x16x1024`: clients, pipeline and bytes of a value.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<u32> = text
            .split('x')
            .map(|part| part.parse().map_err(|_| expected(text)))
            .collect::<Result<_, _>>()?;
        match numbers[..] {
            [clients, pipeline, value_bytes]
                if (1..=u32::from(MAX_CLIENTS)).contains(&clients)
                    && (1..=u32::from(MAX_PIPELINE)).contains(&pipeline)
                    && (1..=MAX_VALUE_BYTES).contains(&value_bytes) =>
            {
                Ok(Self {
                    clients: clients as u16,
                    pipeline: pipeline as u16,
                    value_bytes,
                })
            }
            _ => Err(expected(text)),
        }
    }
}

fn expected(text: &str) -> String {
    format!(
        "'{text}' is no scenario: expected CLIENTSxPIPELINExBYTES, such as 50x16x1024, \
         up to {MAX_CLIENTS}x{MAX_PIPELINE}x{MAX_VALUE_BYTES}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_three_numbers() {
        let scenario: Scenario = "50x16x1024".parse().unwrap();
        assert_eq!(
            scenario,
            Scenario {
                clients: 50,
                pipeline: 16,
                value_bytes: 1024
            }
        );
        assert_eq!(scenario.to_string(), "50×16, 1024 B");
    }

    #[test]
    fn limits_hold_and_one_past_them_does_not() {
        assert!("1000x1000x1048576".parse::<Scenario>().is_ok());
        assert!("1x1x1".parse::<Scenario>().is_ok());
        for wrong in [
            "1001x1x1",
            "1x1001x1",
            "1x1x1048577",
            "0x1x1",
            "1x0x1",
            "1x1x0",
        ] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
        for wrong in ["", "50", "50x1", "50x1x16x1", "axbxc", "-1x1x1"] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
    }
}
