//! The engine and compiled modules.

use crate::cache::{Cache, CacheConfig};
use crate::config::{self, Environment};
use crate::error::{CompileError, EngineError};
use crate::gate::Gate;
use crate::rewrite;
use crate::run::State;
use crate::wasi;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use wasmtime::{ExternType, InstancePre, Linker, UnknownImportError};

/// Largest module in bytes. CPython with its library takes about 30 MiB.
pub const MAX_MODULE: usize = 64 << 20;

/// Stack that the compiler needs, in bytes: Cranelift recurses over what it is given.
pub const COMPILER_STACK: usize = 64 << 20;

/// Compiles and runs modules under the one audited configuration. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    cache: Option<Cache>,
    environment: Environment,
    metered: bool,
    /// Whether modules are rewritten: always, but for the engine as it comes.
    rewritten: bool,
    gate: Arc<Gate>,
}

/// A compiled module, ready to run. Clones share the code.
#[derive(Clone)]
pub struct Module(Arc<Compiled>);

struct Compiled {
    pre: InstancePre<State>,
    hash: [u8; 32],
    size: u64,
    pages: u64,
    table: u64,
}

impl Engine {
    /// Sets the engine up; with a cache, compiled modules are kept in its directory.
    ///
    /// # Errors
    ///
    /// If the processor lacks the pinned instruction set, or the cache directory cannot be
    /// created or its key not be read.
    pub fn new(cache: Option<CacheConfig>) -> Result<Self, EngineError> {
        Self::with_config(config::audited(), cache, true, true)
    }

    /// An engine without metering, to compare speed with: in the audited configuration otherwise,
    /// or, if `plain`, as the engine comes, with code for the machine at hand. Its outcomes are no results.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    #[cfg(feature = "unmetered")]
    pub fn unmetered(plain: bool) -> Result<Self, EngineError> {
        let config = if plain {
            Ok(wasmtime::Config::new())
        } else {
            config::audited_without_metering()
        };
        Self::with_config(config, None, false, !plain)
    }

    fn with_config(
        config: wasmtime::Result<wasmtime::Config>,
        cache: Option<CacheConfig>,
        metered: bool,
        rewritten: bool,
    ) -> Result<Self, EngineError> {
        let unsupported = |error: wasmtime::Error| EngineError::Unsupported(format!("{error:#}"));
        let config = config.map_err(unsupported)?;
        let engine = wasmtime::Engine::new(&config).map_err(unsupported)?;
        let mut linker = Linker::new(&engine);
        wasi::add_to(&mut linker).map_err(unsupported)?;
        let environment = Environment::current();
        let cache = match cache {
            Some(config) => {
                let mut hasher = DefaultHasher::new();
                engine.precompile_compatibility_hash().hash(&mut hasher);
                match Cache::open(config, environment, hasher.finish()) {
                    Ok(cache) => Some(cache),
                    Err(EngineError::Cache { path, source })
                        if source.kind() == std::io::ErrorKind::StorageFull =>
                    {
                        tracing::warn!(
                            path = %path.display(),
                            "no module cache: the disk is full; free some space to start faster"
                        );
                        None
                    }
                    Err(error) => return Err(error),
                }
            }
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            environment,
            metered,
            rewritten,
            gate: Arc::default(),
        })))
    }

    /// What results of this engine compare with.
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// Holds every run where it stands, within about a millisecond, and new ones before they begin, until
    /// [`Engine::resume`]. Results, fuel and memory are what they would have been, and the time does not count
    /// for `wall_clock`. A run that is held still occupies its thread and its memory; cancelling it ends it.
    pub fn suspend(&self) {
        self.0.gate.close();
    }

    /// Lets runs go on that [`Engine::suspend`] holds.
    pub fn resume(&self) {
        self.0.gate.open();
    }

    /// Runs that stand still.
    pub fn held(&self) -> usize {
        self.0.gate.held()
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.0.gate
    }

    /// Compiles a module, or loads it from the cache.
    ///
    /// # Errors
    ///
    /// If the bytes are no module, use features that are off, or import what does not exist.
    pub fn compile(&self, wasm: &[u8]) -> Result<Module, CompileError> {
        check_form(wasm)?;
        let hash = *blake3::hash(wasm).as_bytes();
        let cached = self.0.cache.as_ref().and_then(|cache| {
            let code = cache.load(&hash)?;
            // SAFETY: the cache hands out only what carries the keyed hash that this user's
            // executor put there for this very engine and module, see `cache.rs`.
            match unsafe { wasmtime::Module::deserialize(&self.0.engine, &code) } {
                Ok(module) => Some(module),
                Err(error) => {
                    tracing::warn!(%error, "cached module does not load; compiling it again");
                    None
                }
            }
        });
        let module = match cached {
            Some(module) => module,
            None => {
                let module = self.compile_fresh(wasm)?;
                if let Some(cache) = &self.0.cache {
                    match module.serialize() {
                        Ok(code) => cache.store(&hash, &code),
                        Err(error) => tracing::warn!(%error, "module not cached"),
                    }
                }
                module
            }
        };
        self.link(&module, hash, wasm.len())
    }

    /// Compiles on the calling thread, which needs a stack of [`COMPILER_STACK`].
    pub(crate) fn compile_here(&self, wasm: &[u8]) -> Result<wasmtime::Module, CompileError> {
        wasmtime::Module::validate(&self.0.engine, wasm)
            .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
        let failed = |error: &dyn std::fmt::Display| CompileError::Compiler(error.to_string());
        let rewritten = match self.0.rewritten {
            true => rewrite::rewrite(wasm).map_err(|error| failed(&error))?,
            false => wasm.to_vec(),
        };
        wasmtime::Module::new(&self.0.engine, rewritten)
            .map_err(|error| failed(&format_args!("{error:#}")))
    }

    /// Compiles on a thread of its own, so that neither the depth of a module nor a bug of the
    /// compiler takes the process down.
    fn compile_fresh(&self, wasm: &[u8]) -> Result<wasmtime::Module, CompileError> {
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("wasm-compile".to_owned())
                .stack_size(COMPILER_STACK)
                .spawn_scoped(scope, || self.compile_here(wasm))
                .map_err(|error| CompileError::Compiler(format!("no thread for it: {error}")))?
                .join()
                .unwrap_or_else(|_| Err(CompileError::Compiler("it crashed".to_owned())))
        })
    }

    pub(crate) fn link(
        &self,
        module: &wasmtime::Module,
        hash: [u8; 32],
        size: usize,
    ) -> Result<Module, CompileError> {
        let pre =
            self.0.linker.instantiate_pre(module).map_err(|error| {
                match error.downcast_ref::<UnknownImportError>() {
                    Some(unknown) => CompileError::UnknownImport {
                        module: unknown.module().to_owned(),
                        name: unknown.name().to_owned(),
                    },
                    None => CompileError::ImportType(format!("{error:#}")),
                }
            })?;
        match module.get_export("_start") {
            Some(ExternType::Func(ty)) if ty.params().len() == 0 && ty.results().len() == 0 => {}
            _ => return Err(CompileError::NoStart),
        }
        let exports_memory = matches!(module.get_export("memory"), Some(ExternType::Memory(_)));
        if module.imports().len() > 0 && !exports_memory {
            return Err(CompileError::NoMemory);
        }
        let needs = module.resources_required();
        Ok(Module(Arc::new(Compiled {
            pre,
            hash,
            size: size as u64,
            pages: needs.max_initial_memory_size.unwrap_or(0),
            // The engine tells the largest table; counting each as that is the safe side.
            table: needs
                .max_initial_table_size
                .unwrap_or(0)
                .saturating_mul(u64::from(needs.num_tables)),
        })))
    }

    /// Whether fuel is counted: always, but for `Engine::unmetered`.
    pub(crate) fn is_metered(&self) -> bool {
        self.0.metered
    }

    pub(crate) fn inner(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.0.cache.as_ref()
    }
}

/// What can be said of a module without looking into it.
pub(crate) fn check_form(wasm: &[u8]) -> Result<(), CompileError> {
    if !wasm.starts_with(b"\0asm") {
        return Err(CompileError::NotWasm);
    }
    // The layer field, bytes 6 and 7, is 1 for components.
    if wasm.get(6..8) == Some(&[1, 0]) {
        return Err(CompileError::Component);
    }
    if wasm.len() > MAX_MODULE {
        return Err(CompileError::TooLarge {
            size: wasm.len(),
            max: MAX_MODULE,
        });
    }
    Ok(())
}

impl Module {
    /// BLAKE3 of the module's bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash
    }

    /// The module's size in bytes, before compilation.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    pub(crate) fn initial_pages(&self) -> u64 {
        self.0.pages
    }

    pub(crate) fn initial_table(&self) -> u64 {
        self.0.table
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.0.pre
    }
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("environment", &self.0.environment)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Module {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Module")
            .field("size", &self.0.size)
            .finish_non_exhaustive()
    }
}
