//! The wording and the place of our compiler errors.
//!
//! Snapshots depend on the toolchain pinned in `rust-toolchain.toml`. After a change on purpose, run with
//! `TRYBUILD=overwrite` and read the difference.

#[test]
fn errors_tell_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("reject/*.rs");
}
