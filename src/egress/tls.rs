//! TLS as a client: rustls with aws-lc-rs. Certificates are judged by what the operating system trusts (on Linux: the certificates of the
//! system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name), as every other program of the machine does.

use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, Error};

/// What connections are secured with.
///
/// # Errors
/// When the machine's certificates cannot be read.
pub(super) fn connector() -> Result<TlsConnector, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions()?;
    let mut config = builder.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
