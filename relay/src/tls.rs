//! The relay's certificate.

use std::{path::Path, sync::Arc, time::Duration};

use iroh_relay::server::reloading_resolver;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::{Error, Tls};

/// How often the files are read again: certificates are renewed weeks before they end.
const RELOAD: Duration = Duration::from_secs(12 * 60 * 60);

/// Checks the files, so that what is wrong with them is said at the start, and reads them again from time to time.
pub(crate) async fn server_config(tls: &Tls) -> Result<ServerConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    check(tls, &provider)?;
    let resolver =
        reloading_resolver(&provider, tls.certificate.clone(), tls.key.clone(), RELOAD).await;
    let resolver = resolver.map_err(|error| file(&tls.certificate, format!("{error:#}")))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| file(&tls.certificate, error.to_string()))?;
    Ok(builder.with_no_client_auth().with_cert_resolver(resolver))
}

fn check(tls: &Tls, provider: &CryptoProvider) -> Result<(), Error> {
    let chain = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file(&tls.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(file(
            &tls.certificate,
            "there is no certificate in it".into(),
        ));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| file(&tls.key, error.to_string()))?;
    // Also whether both belong together.
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| file(&tls.key, format!("{error}")))?;
    Ok(())
}

fn file(path: &Path, reason: String) -> Error {
    Error::Certificate {
        path: path.into(),
        reason,
    }
}
