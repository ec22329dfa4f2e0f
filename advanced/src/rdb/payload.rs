//! One value by itself, as DUMP returns it and RESTORE takes it: its type, the value as in an RDB
//! file, the version of the format, and a checksum (`createDumpPayload` in Redis's `cluster.c`).

use std::io;

use tracing::debug;

use super::encode::Encoder;
use super::{CRC, Decoder, Options, VERSION, kind};
use crate::objects::Limits;
use crate::store::Value;

/// The version takes two bytes, the checksum eight.
const FOOTER: usize = 10;

/// Why a payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadError {
    /// It is too short, too new, or not as it was written.
    Footer,
    /// It is as it was written, and yet no value.
    Value,
}

/// Writes a value.
pub fn dump(value: &Value, options: Options) -> io::Result<Vec<u8>> {
    let mut payload = body(value, options)?;
    payload.extend((VERSION as u16).to_le_bytes());
    payload.extend(CRC.checksum(&payload).to_le_bytes());
    Ok(payload)
}

/// The type and the value, without the end.
fn body(value: &Value, options: Options) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    let mut encoder = Encoder::new(&mut payload, options);
    encoder.kind(kind::kind_of(value));
    encoder.value(value)?;
    encoder.flush()?;
    Ok(payload)
}

/// How many bytes a value takes in a file.
pub fn size(value: &Value, options: Options) -> io::Result<usize> {
    Ok(body(value, options)?.len() - 1)
}

/// Reads a value. Does not look at the checksum if it `is_trusted`.
pub fn restore(payload: &[u8], limits: Limits, is_trusted: bool) -> Result<Value, PayloadError> {
    check(payload, is_trusted).ok_or(PayloadError::Footer)?;
    let mut decoder = Decoder::bare(payload).with_limits(limits);
    let value = decoder.byte().and_then(|kind| match kind::is_known(kind) {
        true => decoder.value(kind),
        false => Ok(None),
    });
    let value = value.inspect_err(|error| debug!("Internal error in RDB reading: {error}"));
    value.ok().flatten().ok_or(PayloadError::Value)
}

fn check(payload: &[u8], is_trusted: bool) -> Option<()> {
    let (_, footer) = payload.split_last_chunk::<FOOTER>()?;
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let (summed, checksum) = payload.split_last_chunk()?;
    let is_right = is_trusted || CRC.checksum(summed) == u64::from_le_bytes(*checksum);
    (u32::from(version) <= VERSION && is_right).then_some(())
}
