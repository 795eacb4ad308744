//! The published text of version 3, rule by rule.
