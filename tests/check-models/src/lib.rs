//! See the examples: each is one case.
