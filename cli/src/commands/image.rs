//! `sungrid image`.

mod build;

use std::path::PathBuf;

use serde::Serialize;
use sungrid_chain_client::{Call, Chain, Keypair, Listing, Until};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, PeerAddress};
use sungrid_manifest::{Class, Image, Manifest, limits};
use sungrid_primitives::ContentHash;

use crate::{
    Error,
    args::{ImageCommand, ManifestArgs},
    context::Context,
    image_cid,
    output::table,
    package::Package,
    parse_image_cid,
    plan::ImageRef,
    serve::blob,
    submit, units,
};

pub(super) async fn run(context: &Context, command: ImageCommand) -> Result<(), Error> {
    match command {
        ImageCommand::Build(args) => build::run(context, *args),
        ImageCommand::Publish(args) => {
            let image = ImageRef::parse(&args.program)?;
            let package = Package::of(&context.data, &image, &args.manifest)?;
            let key = context.key()?;
            let chain = context.chain().await?;
            let published = keep_and_publish(context, &*chain, &key, &package).await?;
            context.out.result(&published, || {
                let verb = if published.new {
                    "published"
                } else {
                    "was published before"
                };
                format!("image {} {verb} ({})", published.image, package.image.name)
            });
            Ok(())
        }
        ImageCommand::Retire { image } => retire(context, &image).await,
        ImageCommand::Fetch { image, from } => fetch(context, &image, &from).await,
        ImageCommand::List { here: true } => list_here(context),
        ImageCommand::List { here: false } => list(context).await,
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
    package: &Package,
) -> Result<Published, Error> {
    let digest = package.keep(&context.data)?;
    let new = submit::publish(chain, key, digest, package.image.class).await?;
    Ok(Published {
        image: image_cid(&digest),
        digest,
        new,
    })
}

/// Has an image here and on chain: one that is a file is published if it is not, one that is named must be. Returns its digest,
/// its manifest and where its code is.
pub(super) async fn ready(
    context: &Context,
    chain: &dyn Chain,
    key: &Keypair,
    image: &ImageRef,
    manifest: &ManifestArgs,
) -> Result<(ContentHash, Image, PathBuf), Error> {
    let digest = match image {
        ImageRef::Wasm(path) => {
            let package = Package::read(path, &manifest.about, manifest.limits())?;
            let published = keep_and_publish(context, chain, key, &package).await?;
            context.out.note(format!("image {}", published.image));
            published.digest
        }
        ImageRef::Published(digest) => {
            match chain.image(digest).await? {
                None => return Err(Error::UnknownImage(image_cid(digest))),
                Some(image) if !image.usable => return Err(Error::RetiredImage(image_cid(digest))),
                Some(_) => {}
            }
            *digest
        }
    };
    let (manifest, path) = context.data.image(&digest)?;
    Ok((digest, manifest, path))
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
        for file in &manifest.files {
            let bytes = get(&file.hash, file.size).await?;
            context.data.keep_image_file(&digest, &file.hash, &bytes)?;
        }
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

fn list_here(context: &Context) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Row {
        image: String,
        name: String,
        fuel_limit: u64,
        memory_limit: u64,
        files: usize,
        licence: String,
    }
    let images = context.data.images()?.into_iter();
    let rows = images.map(|(digest, image)| Row {
        image: image_cid(&digest),
        name: image.name,
        fuel_limit: image.limits.fuel,
        memory_limit: image.limits.memory,
        files: image.files.len(),
        licence: image.licence,
    });
    let rows: Vec<Row> = rows.collect();
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no image is here: `sungrid image build FILE.wasm` makes one".into();
        }
        let line = |row: &Row| {
            vec![
                row.image.clone(),
                row.name.clone(),
                units::fuel(row.fuel_limit.into()),
                units::bytes(row.memory_limit),
                row.files.to_string(),
                row.licence.clone(),
            ]
        };
        let rows: Vec<_> = rows.iter().map(line).collect();
        table(
            &["image", "name", "fuel", "memory", "files", "licence"],
            &rows,
        )
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
