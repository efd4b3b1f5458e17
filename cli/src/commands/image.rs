//! `sungrid image`.

use std::{fs, path::Path};

use serde::Serialize;
use sungrid_chain_client::{Call, Chain, Keypair, Listing, Until};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, PeerAddress};
use sungrid_manifest::{Class, Image, ImageKind, Limits, Manifest, ProfileName, hash, limits};
use sungrid_primitives::ContentHash;

use crate::{
    Error,
    args::{ClassName, ImageCommand, ManifestArgs},
    context::Context,
    image_cid,
    output::table,
    parse_image_cid,
    serve::blob,
    submit, units,
};

pub(super) async fn run(context: &Context, command: ImageCommand) -> Result<(), Error> {
    match command {
        ImageCommand::Publish(args) => {
            let (image, code) = from_wasm(&args.wasm, &args.manifest)?;
            let key = context.key()?;
            let chain = context.chain().await?;
            let published = keep_and_publish(context, &*chain, &key, &image, &code).await?;
            context.out.result(&published, || {
                let verb = if published.new {
                    "published"
                } else {
                    "was published before"
                };
                format!("image {} {verb} ({})", published.image, image.name)
            });
            Ok(())
        }
        ImageCommand::Retire { image } => retire(context, &image).await,
        ImageCommand::Fetch { image, from } => fetch(context, &image, &from).await,
        ImageCommand::List => list(context).await,
    }
}

/// What `publish` reports.
#[derive(Debug, Serialize)]
pub(super) struct Published {
    /// CID of the manifest.
    pub(super) image: String,
    /// Its digest, as the chain stores it.
    pub(super) digest: ContentHash,
    /// Whether it was published now.
    pub(super) new: bool,
}

/// Keeps an image here and makes sure that the chain knows it.
pub(super) async fn keep_and_publish(
    context: &Context,
    chain: &dyn Chain,
    key: &Keypair,
    image: &Image,
    code: &[u8],
) -> Result<Published, Error> {
    let digest = context.data.keep_image(image, code)?;
    let new = submit::publish(chain, key, digest, image.class).await?;
    Ok(Published {
        image: image_cid(&digest),
        digest,
        new,
    })
}

/// Reads a module and makes its manifest.
pub(super) fn from_wasm(path: &Path, args: &ManifestArgs) -> Result<(Image, Vec<u8>), Error> {
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
        Some(b"\0asm\x01\0\0\0") => {}
        Some([0, b'a', b's', b'm', ..]) => {
            return Err(Error::malformed(
                path,
                "a WebAssembly component, not a core module: build for wasm32-wasip1",
            ));
        }
        _ => {
            return Err(Error::malformed(
                path,
                "not a WebAssembly module: build for wasm32-wasip1 and give the .wasm file",
            ));
        }
    }
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.clone().or(stem).unwrap_or_default();
    let program = || vec![name.clone()];
    let image_args = if args.image_args.is_empty() {
        program()
    } else {
        args.image_args.clone()
    };
    let image = Image {
        version: 1,
        kind: ImageKind::WasiCommand,
        name,
        code: hash(&code),
        args: image_args,
        profile: ProfileName::Cpu1,
        limits: Limits {
            fuel: args.image_fuel,
            memory: args.image_memory,
            output: args.image_output,
        },
        class: class(args.class) as u8,
        licence: args.licence.clone(),
    };
    image.validate()?;
    Ok((image, code))
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

async fn retire(context: &Context, image: &str) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Retired {
        image: String,
    }
    let manifest = parse_image_cid(image)?;
    let key = context.key()?;
    let chain = context.chain().await?;
    if chain.image(&manifest).await?.is_none() {
        return Err(Error::UnknownImage(image_cid(&manifest)));
    }
    chain
        .submit(&key, Call::RetireImage { manifest }, Until::InBlock)
        .await?;
    let image = image_cid(&manifest);
    context.out.result(
        &Retired {
            image: image.clone(),
        },
        || format!("image {image} takes no new jobs; running ones are untouched"),
    );
    Ok(())
}

async fn fetch(context: &Context, image: &str, from: &str) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Fetched {
        image: String,
        name: String,
        code_bytes: usize,
    }
    let digest = parse_image_cid(image)?;
    let peer: PeerAddress = from
        .parse()
        .map_err(|error: sungrid_data_plane::AddressError| {
            Error::Usage(format!("--from: {error}"))
        })?;
    let plane = DataPlane::spawn(Config::memory()).await?;
    let get = async |digest: &ContentHash, limit: u64| -> Result<Vec<u8>, Error> {
        let fetched = plane.fetch(
            blob(digest),
            std::slice::from_ref(&peer),
            FetchOptions::up_to(limit),
        );
        let held = fetched.await?.held;
        Ok(plane.get_bytes(held.hash(), limit).await?.to_vec())
    };
    let result = async {
        let manifest = Image::decode(&get(&digest, limits::IMAGE_BYTES as u64).await?)?;
        let code = get(&manifest.code, limits::CODE_BYTES).await?;
        context.data.keep_image(&manifest, &code)?;
        Ok(Fetched {
            image: image_cid(&digest),
            name: manifest.name,
            code_bytes: code.len(),
        })
    };
    let result: Result<Fetched, Error> = result.await;
    plane.shutdown().await;
    let fetched = result?;
    context.out.result(&fetched, || {
        let size = units::bytes(fetched.code_bytes as u64);
        format!("image {} ({}, {size}) is here", fetched.image, fetched.name)
    });
    Ok(())
}

async fn list(context: &Context) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Row {
        image: String,
        name: Option<String>,
        class: String,
        developer: String,
        usable: bool,
        listing: Option<Listing>,
        usage: u128,
        here: bool,
    }
    let chain = context.chain().await?;
    let images = chain.images().await?;
    let rows = images.into_iter().map(|(digest, image)| {
        let local = context.data.image(&digest).ok();
        let class = Class::from_number(image.class).map_or("unknown", Class::name);
        Row {
            image: image_cid(&digest),
            name: local.as_ref().map(|(manifest, _)| manifest.name.clone()),
            class: class.into(),
            developer: image.developer.to_string(),
            usable: image.usable,
            listing: image.listing,
            usage: image.usage,
            here: local.is_some(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no image is published on this chain".into();
        }
        let line = |row: &Row| {
            vec![
                row.image.clone(),
                row.name.clone().unwrap_or_else(|| "–".into()),
                row.class.clone(),
                if row.usable { "usable" } else { "retired" }.into(),
                match row.listing {
                    Some(Listing { listed: true, .. }) => "listed",
                    Some(Listing { listed: false, .. }) => "NOT listed",
                    None => "not assessed",
                }
                .into(),
                if row.here { "here" } else { "" }.into(),
                row.developer.clone(),
            ]
        };
        let rows: Vec<_> = rows.iter().map(line).collect();
        table(
            &[
                "image",
                "name",
                "class",
                "state",
                "standard",
                "code",
                "developer",
            ],
            &rows,
        )
    });
    Ok(())
}
