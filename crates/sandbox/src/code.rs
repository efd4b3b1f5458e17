//! Machine code that is handed to children.

use crate::sys;
use std::fs::File;
use std::io;
use std::sync::Arc;
use sungrid_executor::Origin;

/// A compiled module, ready to be loaded by children. Clones share the code.
#[derive(Clone, Debug)]
pub struct Code(Arc<Sealed>);

#[derive(Debug)]
struct Sealed {
    file: File,
    size: u64,
    origin: Origin,
}

impl Code {
    pub(crate) fn new(origin: Origin, code: &[u8]) -> io::Result<Self> {
        Ok(Self(Arc::new(Sealed {
            file: sys::sealed(code)?,
            size: code.len() as u64,
            origin,
        })))
    }

    pub(crate) fn file(&self) -> &File {
        &self.0.file
    }

    /// Bytes of machine code.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// What it was compiled from.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }
}
