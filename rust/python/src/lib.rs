//! t800._core
