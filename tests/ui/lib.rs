//! Programs that must compile (`accept`) and programs that must not (`reject`).
