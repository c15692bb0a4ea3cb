//! The desktop around the desk: window, tray, notifications, log.

pub mod again;
pub mod alert;
pub mod bus;
pub mod changes;
pub mod command;
pub mod demo;
pub mod keys;
pub mod log;
pub mod notify;
pub mod service;
pub mod tray;
pub mod window;
