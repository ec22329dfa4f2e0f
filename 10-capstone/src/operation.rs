//! The commands that are measured, and what each needs.
//!
//! This file owns the list. `load/request.rs` says how a command is written, and `load/check.rs`
//! what its reply must be. A command on a string finds a string under each key. A command on another
//! type finds a collection of ten members there: small ones are what most users have, and what the
//! compact encodings of Redis are made for. Values above 64 bytes make hashes and sorted sets leave
//! them.

use enum_map::Enum;
use serde::Serialize;
use strum::{Display, EnumString};

/// How many members each collection has: fields of a hash, elements of a list, members of a set.
pub const MEMBERS: u32 = 10;

/// The commands that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Display, EnumString, Serialize)]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Get,
    Set,
    Incr,
    Mget,
    Mset,
    Del,
    Expire,
    Hset,
    Hget,
    Hgetall,
    Lpush,
    Lpop,
    Lrange,
    Sadd,
    Srem,
    Sismember,
    Sinter,
    Zadd,
    Zrange,
    Zrank,
}

impl Operation {
    /// How many keys one command has, or how many members it returns.
    pub const fn keys(self) -> u32 {
        match self {
            Self::Mget | Self::Mset | Self::Sinter => 10,
            Self::Hgetall | Self::Lrange | Self::Zrange => MEMBERS,
            _ => 1,
        }
    }

    /// The command that makes what this one works on: SET, or that of another type.
    pub const fn maker(self) -> Self {
        match self {
            Self::Hset | Self::Hget | Self::Hgetall => Self::Hset,
            Self::Lpush | Self::Lpop | Self::Lrange => Self::Lpush,
            Self::Sadd | Self::Srem | Self::Sismember | Self::Sinter => Self::Sadd,
            Self::Zadd | Self::Zrange | Self::Zrank => Self::Zadd,
            _ => Self::Set,
        }
    }

    /// How many members a key has that this command works on; 1 for a string.
    pub fn members(self) -> u32 {
        let is_string = self.maker() == Self::Set;
        if is_string { 1 } else { MEMBERS }
    }
}
