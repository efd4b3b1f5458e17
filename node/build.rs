//! Tells the binary its version and commit, so that a bug report names the code it is about.

fn main() {
    substrate_build_script_utils::generate_cargo_keys();
    substrate_build_script_utils::rerun_if_git_head_changed();
}
