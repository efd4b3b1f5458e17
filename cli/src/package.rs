//! An application on this machine: the manifest, the code that it names, and the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sungrid_manifest::{
    Class, File, Image, ImageKind, Limits, Manifest, ProfileName, hash, limits,
};
use sungrid_primitives::ContentHash;

use crate::{
    Error,
    args::{AboutArgs, ClassName, ManifestArgs},
    folder::{DataFolder, beside_code},
    plan::{FileRef, ImageRef, LocalFile},
    units,
};

/// An application and where its parts are.
#[derive(Clone, Debug)]
pub struct Package {
    /// The manifest.
    pub image: Image,
    /// The WebAssembly module.
    pub code: Vec<u8>,
    /// Paths of the image's files, in their order.
    pub files: Vec<PathBuf>,
}

impl ManifestArgs {
    /// The limits that they state.
    pub fn limits(&self) -> Limits {
        Limits {
            fuel: self.image_fuel,
            memory: self.image_memory,
            output: self.image_output,
        }
    }
}

impl Package {
    /// Reads a module and what belongs to it, and makes the manifest.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Malformed`] if it is no module, [`Error::Manifest`] if nobody would accept it.
    pub fn read(wasm: &Path, about: &AboutArgs, limits: Limits) -> Result<Self, Error> {
        let code = read_module(wasm)?;
        let stem = wasm
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = about.name.clone().or(stem).unwrap_or_default();
        let args = if about.image_args.is_empty() {
            vec![name.clone()]
        } else {
            about.image_args.clone()
        };
        let mut found = local_files(&about.image_files)?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let mut files = Vec::with_capacity(found.len());
        for file in &found {
            let bytes = fs::read(&file.path).map_err(Error::file("read", &file.path))?;
            files.push(File::new(&*file.name, hash(&bytes), bytes.len() as u64));
        }
        let image = Image {
            version: 1,
            kind: ImageKind::WasiCommand,
            name,
            code: hash(&code),
            args,
            profile: ProfileName::Cpu1,
            limits,
            class: class(about.class) as u8,
            licence: about.licence.clone(),
            files,
        };
        image.validate()?;
        let files = found.into_iter().map(|file| file.path).collect();
        Ok(Self { image, code, files })
    }

    /// An image that was kept here.
    ///
    /// # Errors
    /// [`Error::ImageNotHere`], [`Error::File`].
    pub fn load(data: &DataFolder, digest: &ContentHash) -> Result<Self, Error> {
        let (image, path) = data.image(digest)?;
        let code = fs::read(&path).map_err(Error::file("read", &path))?;
        let files = image.files.iter();
        let files = files.map(|file| beside_code(&path, &file.hash)).collect();
        Ok(Self { image, code, files })
    }

    /// The application of a reference: a file under the given manifest, or an image that was kept.
    ///
    /// # Errors
    /// Those of [`Self::read`] and [`Self::load`].
    pub fn of(data: &DataFolder, image: &ImageRef, manifest: &ManifestArgs) -> Result<Self, Error> {
        match image {
            ImageRef::Wasm(path) => Self::read(path, &manifest.about, manifest.limits()),
            ImageRef::Published(digest) => Self::load(data, digest),
        }
    }

    /// Keeps it for later; returns the manifest's digest.
    ///
    /// # Errors
    /// [`Error::File`], also if a file is not any more what it was when the manifest was made.
    pub fn keep(&self, data: &DataFolder) -> Result<ContentHash, Error> {
        let digest = self.image.encode()?.hash;
        for (file, path) in self.image.files.iter().zip(&self.files) {
            let bytes = fs::read(path).map_err(Error::file("read", path))?;
            if hash(&bytes) != file.hash {
                return Err(Error::malformed(
                    path,
                    "changed while it was read: try again",
                ));
            }
            data.keep_image_file(&digest, &file.hash, &bytes)?;
        }
        data.keep_image(&self.image, &self.code)
    }
}

fn read_module(path: &Path) -> Result<Vec<u8>, Error> {
    let size = fs::metadata(path).map_err(Error::file("read", path))?.len();
    if size > limits::CODE_BYTES {
        return Err(Error::malformed(
            path,
            format!(
                "{} of code, at most {} are accepted: strip it (wasm-opt, wasm-strip)",
                units::bytes(size),
                units::bytes(limits::CODE_BYTES)
            ),
        ));
    }
    let code = fs::read(path).map_err(Error::file("read", path))?;
    match code.get(..8) {
        Some(b"\0asm\x01\0\0\0") => Ok(code),
        Some([0, b'a', b's', b'm', ..]) => Err(Error::malformed(
            path,
            "a WebAssembly component, not a core module: build for wasm32-wasip1",
        )),
        _ => Err(Error::malformed(
            path,
            "not a WebAssembly module: build for wasm32-wasip1 and give the .wasm file",
        )),
    }
}

/// Files as they were named, and of each folder all files in it: `PATH` or `PATH=NAME`, where the name of a folder stands
/// before the names in it, and `.` for none.
fn local_files(named: &[String]) -> Result<Vec<LocalFile>, Error> {
    let mut files = Vec::new();
    for text in named {
        let (path, name) = FileRef::Short(text.clone()).split();
        if !path.is_dir() {
            files.push(FileRef::Short(text.clone()).local()?);
            continue;
        }
        let own = || {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = name.or_else(own).unwrap_or_else(|| ".".into());
        for below in files_below(&path)? {
            let inner = relative_name(&path, &below)?;
            let name = match name.as_str() {
                "." => inner,
                name => format!("{}/{inner}", name.trim_end_matches('/')),
            };
            files.push(FileRef::Long { path: below, name }.local()?);
        }
    }
    Ok(files)
}

/// All files in a folder and the folders in it, in order of their names. Links are followed: a loop ends where the system
/// says so.
///
/// # Errors
/// [`Error::File`].
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(Error::file("list", folder))?.path()))
        .collect::<Result<Vec<_>, Error>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// The path of a file below a folder with `/` between its parts.
///
/// # Errors
/// [`Error::Malformed`] if it is not UTF-8.
pub fn relative_name(folder: &Path, file: &Path) -> Result<String, Error> {
    let parts = file.strip_prefix(folder).unwrap_or(file).components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| {
        Error::malformed(
            file,
            "its name is not UTF-8: rename it, or give it as PATH=NAME",
        )
    })
}

fn class(name: ClassName) -> Class {
    match name {
        ClassName::General => Class::General,
        ClassName::Rendering => Class::Rendering,
        ClassName::Science => Class::Science,
        ClassName::Learning => Class::Learning,
        ClassName::Media => Class::Media,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    fn about(files: &[String]) -> AboutArgs {
        AboutArgs {
            name: None,
            class: ClassName::General,
            licence: "MIT".into(),
            image_args: vec![],
            image_files: files.to_vec(),
        }
    }

    fn limits() -> Limits {
        Limits {
            fuel: 1,
            memory: 1 << 20,
            output: 0,
        }
    }

    #[test]
    fn a_folder_becomes_files_of_the_image_and_comes_back_from_where_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("lib/deep")).unwrap();
        fs::write(at("lib/b.py"), "b").unwrap();
        fs::write(at("lib/deep/a.py"), "a").unwrap();
        fs::write(at("main.py"), "main").unwrap();
        fs::write(at("code.wasm"), EMPTY).unwrap();
        let text = |name: &str| at(name).to_string_lossy().into_owned();
        let named = |names: &[String]| -> Vec<String> {
            let package = Package::read(&at("code.wasm"), &about(names), limits()).unwrap();
            package.image.files.into_iter().map(|f| f.name).collect()
        };
        assert_eq!(named(&[text("lib")]), ["lib/b.py", "lib/deep/a.py"]);
        assert_eq!(named(&[text("lib") + "=."]), ["b.py", "deep/a.py"]);
        assert_eq!(named(&[text("lib") + "=x/"]), ["x/b.py", "x/deep/a.py"]);
        assert_eq!(named(&[text("main.py") + "=run.py"]), ["run.py"]);

        let data = DataFolder::new(Some(at("data"))).unwrap();
        let both = [text("main.py"), text("lib")];
        let package = Package::read(&at("code.wasm"), &about(&both), limits()).unwrap();
        let digest = package.keep(&data).unwrap();
        fs::remove_dir_all(at("lib")).unwrap();
        let kept = Package::load(&data, &digest).unwrap();
        assert_eq!((&kept.image, &kept.code[..]), (&package.image, EMPTY));
        let contents: Vec<_> = kept.files.iter().map(|p| fs::read(p).unwrap()).collect();
        assert_eq!(contents, [&b"b"[..], b"a", b"main"]);
        // What the user's files have become since is none of the image's business, but a change in between is.
        let error = package.keep(&data).unwrap_err().to_string();
        assert!(error.contains("cannot read"), "{error}");
        let main = Package::read(&at("code.wasm"), &about(&both[..1]), limits()).unwrap();
        fs::write(at("main.py"), "other").unwrap();
        let error = main.keep(&data).unwrap_err().to_string();
        assert!(error.contains("changed while it was read"), "{error}");
    }

    #[test]
    fn what_is_no_module_is_refused_with_what_to_build() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wasm");
        for (bytes, says) in [
            (&b"\x7fELF\x02\x01\x01\0"[..], "not a WebAssembly module"),
            (b"\0asm\x0d\0\x01\0", "a WebAssembly component"),
            (b"", "not a WebAssembly module"),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = Package::read(&path, &about(&[]), limits()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.to_string().contains("wasm32-wasip1"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_there_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code.wasm");
        fs::write(&path, EMPTY).unwrap();
        let text = path.to_string_lossy().into_owned();
        let error = Package::read(&path, &about(&[text.clone(), text]), limits()).unwrap_err();
        assert!(error.to_string().contains("appears twice"), "{error}");
    }
}
