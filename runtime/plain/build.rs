//! Builds the WASM blob for who asks for it.

#[cfg(all(feature = "std", feature = "blob"))]
fn main() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

#[cfg(not(all(feature = "std", feature = "blob")))]
fn main() {}
