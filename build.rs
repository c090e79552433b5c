//! What cargo cannot know: that the pages of the diagnostics are compiled into the binary, so that a changed page causes a build, and in which
//! order the linker is to place the functions of a release.

#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::env;

/// The functions that a node runs until it idles (`benches/order.py` writes it).
const ORDER: &str = "link/start.ld";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/diagnostics/pages");
    println!("cargo:rerun-if-changed={ORDER}");
    if is_ordered()
        && let Ok(folder) = env::var("CARGO_MANIFEST_DIR")
    {
        println!("cargo:rustc-link-arg-bin=webhookc=-Wl,-T,{folder}/{ORDER}");
    }
}

/// Whether the linker can be told an order, and whether it matters: GNU's and LLVM's linkers read the script, those of other systems do not,
/// and neither does mold, which someone may have asked for. Builds for development are not worth the time.
fn is_ordered() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") && !flags.contains("mold")
}
