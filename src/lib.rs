//! Lonceng.
pub mod domain;
