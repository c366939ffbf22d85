//! The wording and the place of our compiler errors, and programs that compile without one.
//!
//! Snapshots depend on the toolchain pinned in `rust-toolchain.toml`. After a change on purpose, run with
//! `TRYBUILD=overwrite` and read the difference.

#[test]
fn errors_tell_what_to_write_instead() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/accept/*.rs");
    cases.compile_fail("tests/ui/reject/*.rs");
}
