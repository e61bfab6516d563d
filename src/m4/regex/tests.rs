//! Patterns against texts.
