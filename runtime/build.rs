//! Builds the WASM blob of the runtime when it is compiled for a node (`std`).

#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn main() {
    substrate_wasm_builder::WasmBuilder::init_with_defaults()
        .enable_metadata_hash("ISC", 12)
        .build();
}

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn main() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

// The wasm builder compiles this crate without `std`; there is nothing to nest.
#[cfg(not(feature = "std"))]
fn main() {}
