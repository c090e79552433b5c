//! The pages of the diagnostics are compiled into the binary; without this a changed page would not cause a build.

#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/diagnostics/pages");
}
