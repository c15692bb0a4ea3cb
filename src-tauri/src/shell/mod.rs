//! The desktop around the desk: window, tray, notifications, log.

pub mod alert;
pub mod changes;
pub mod demo;
pub mod log;
pub mod notify;
pub mod tray;
pub mod window;
