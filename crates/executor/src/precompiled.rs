//! Compiling in one process and running in another.
//!
//! Hostile modules are compiled where a bug of the compiler reaches nothing, and their code is never loaded where
//! something is to be protected: who holds it here keeps it as bytes.

use crate::engine::{Engine, Module, check_form};
use crate::error::CompileError;
use std::fs::File;

/// What machine code was compiled from. Part of what a run is billed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// BLAKE3 of the module.
    pub hash: [u8; 32],
    /// The module's size in bytes.
    pub size: u64,
}

impl Origin {
    /// Names a module, if its form admits that it is one.
    ///
    /// # Errors
    ///
    /// If it is no module, or too large.
    pub fn of(wasm: &[u8]) -> Result<Self, CompileError> {
        check_form(wasm)?;
        Ok(Self {
            hash: *blake3::hash(wasm).as_bytes(),
            size: wasm.len() as u64,
        })
    }
}

impl Engine {
    /// Machine code of a module that links, for [`Engine::load`]. The calling thread needs a stack of
    /// [`COMPILER_STACK`](crate::COMPILER_STACK); the cache is not looked at.
    ///
    /// # Errors
    ///
    /// As [`Engine::compile`].
    pub fn precompile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let origin = Origin::of(wasm)?;
        let module = self.compile_here(wasm)?;
        self.link(&module, origin.hash, wasm.len())?;
        module
            .serialize()
            .map_err(|error| CompileError::Compiler(format!("{error:#}")))
    }

    /// Maps machine code, privately.
    ///
    /// # Errors
    ///
    /// If it is not from [`Engine::precompile`] of an equal engine.
    ///
    /// # Safety
    ///
    /// The code may do whatever this process may: it has to come from [`Engine::precompile`], or the process
    /// be one in which any code may run. The file must not change as long as the module lives.
    pub unsafe fn load(&self, code: File, origin: Origin) -> Result<Module, CompileError> {
        // SAFETY: the caller's promise.
        let module = unsafe { wasmtime::Module::deserialize_open_file(self.inner(), code) }
            .map_err(|error| {
                CompileError::Compiler(format!("its code does not load: {error:#}"))
            })?;
        self.link(&module, origin.hash, origin.size as usize)
    }

    /// The machine code of a module, if the cache has it.
    pub fn cached(&self, origin: &Origin) -> Option<Vec<u8>> {
        self.cache()?.load(&origin.hash)
    }

    /// Has the cache keep machine code. It vouches for what it is given.
    pub fn keep(&self, origin: &Origin, code: &[u8]) {
        if let Some(cache) = self.cache() {
            cache.store(&origin.hash, code);
        }
    }
}
