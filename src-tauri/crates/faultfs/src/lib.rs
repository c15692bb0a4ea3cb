//! A disk under SQLite that can be looked at, cut off and made to fail: a VFS
//! in front of the system's own, for tests and nothing else.
//!
//! A [`Disk`] passes every call on (shared memory and locks too, so several
//! connections on one WAL work) and keeps a log of all that changes a file or
//! its folder. [`Platter`] says from that log what a real disk may hold after
//! a power cut at any point of it. A [`Fault`] makes one call fail, or all
//! from then on.
//!
//! It is no disk for data: it never syncs anything itself. Nothing that ships
//! may depend on it. It is the one crate besides the shims of the operating
//! systems that contains `unsafe`, all of it in `vfs`.

mod fault;
mod image;
mod platter;
mod record;
mod seed;
mod vfs;

pub use fault::{Call, Cause, Fault};
pub use image::Image;
pub use platter::Platter;
pub use record::{FileId, Lie, Op};
pub use seed::Seed;
pub use vfs::{Disk, Watch};
