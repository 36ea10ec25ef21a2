//! Lonceng.
pub mod config;
pub mod domain;
