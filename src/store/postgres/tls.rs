//! TLS towards the database: rustls with aws-lc-rs, and certificates judged by what the operating system trusts, or by those in a file. A
//! certificate and the name in it are always verified; there is no way to switch that off but a connection without TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Secured;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// Makes connections secure.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

/// What a URL says about TLS.
pub(super) struct Wanted {
    pub mode: Option<SslMode>,
    /// A file with the certificates that are trusted; `None`: those that the machine trusts.
    pub roots: Option<String>,
}

/// Takes out of a URL what it says about TLS; the rest of it.
///
/// # Errors
/// When that is nothing that is known.
pub(super) fn wanted(url: &str) -> Result<(String, Wanted), String> {
    let mut wanted = Wanted { mode: None, roots: None };
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), wanted)) };
    let mut rest = Vec::new();
    for part in query.split('&') {
        let pair = url::form_urlencoded::parse(part.as_bytes()).next();
        match pair.as_ref().map(|(name, value)| (&**name, &**value)) {
            Some(("sslmode", mode)) => wanted.mode = Some(mode_of(mode)?),
            Some(("sslrootcert", "system")) => wanted.roots = None,
            Some(("sslrootcert", file)) => wanted.roots = Some(file.to_owned()),
            Some(_) | None => rest.push(part),
        }
    }
    let rest = rest.join("&");
    Ok((if rest.is_empty() { base.to_owned() } else { format!("{base}?{rest}") }, wanted))
}

/// A certificate is always verified, so three of them are the same.
fn mode_of(mode: &str) -> Result<SslMode, String> {
    match mode {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(format!("`sslmode` is `{mode}`, expected `disable`, `prefer`, `require`, `verify-ca` or `verify-full`")),
    }
}

impl Tls {
    /// # Errors
    /// When the certificates cannot be read.
    pub(super) fn new(roots: Option<&str>) -> Result<Self, String> {
        let unusable = |error: Error| format!("TLS cannot be used: {error}");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match roots {
            None => builder.with_platform_verifier().map_err(unusable)?,
            Some(file) => builder.with_root_certificates(trusted(file)?),
        };
        Ok(Self(TlsConnector::from(Arc::new(builder.with_no_client_auth()))))
    }
}

/// The certificates in a file.
fn trusted(file: &str) -> Result<RootCertStore, String> {
    let unusable = |why: String| format!("`sslrootcert` names `{file}`, which cannot be used: {why}");
    let mut store = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        store.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if store.is_empty() { Err(unusable("there is no certificate in it".to_owned())) } else { Ok(store) }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, io::Error> {
        // A socket in the file system has no name, and is never secured.
        let name = ServerName::try_from(domain.to_owned()).or_else(|_| ServerName::try_from("localhost".to_owned()));
        Ok(Handshake { connector: self.0.clone(), name: name.map_err(io::Error::other)? })
    }
}

/// A connection about to be made secure.
pub(crate) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream<S>, io::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Box::new).map(Stream) })
    }
}

/// A secure connection.
pub(crate) struct Stream<S>(Box<Secured<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}
