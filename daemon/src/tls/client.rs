//! TLS for the gateway's own tools, which connect to its listeners.

use super::files::{authorities, certificates, private_key, provider};
use super::trust::Trust;
use i3_config::{NamedFile, TlsFiles};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
pub use rustls::{ClientConfig, pki_types};
use rustls::{ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// Returns the TLS settings of a client. The error is for people.
pub fn config(trust: Trust<'_>) -> Result<Arc<ClientConfig>, String> {
    let named = |key: &str, path: &Path| NamedFile { key: key.to_owned(), path: path.to_owned() };
    let (roots, pinned) = match trust.authorities {
        Some(path) => {
            let file = named("--ca", path);
            let pinned = certificates(&file).map_err(|problem| problem.text())?;
            (authorities(&file).map_err(|problem| problem.text())?, pinned)
        }
        None => (system_authorities()?, Vec::new()),
    };
    let known = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| error.to_string())?;
    let verifier = Arc::new(KnownOrPinned { known, pinned });
    match (trust.certificate, trust.key) {
        (None, None) => with(verifier, None),
        (Some(certificate), Some(key)) => {
            with(verifier, Some((&named("--cert", certificate), &named("--cert-key", key))))
        }
        _ => Err("--cert and --cert-key need each other".to_owned()),
    }
}

fn system_authorities() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(
            "this system has no list of trusted authorities: name the gateway's certificate, or its authority, with --ca"
                .to_owned(),
        );
    }
    Ok(roots)
}

fn with(
    verifier: Arc<dyn ServerCertVerifier>,
    own: Option<(&NamedFile, &NamedFile)>,
) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate).map_err(|problem| problem.text())?;
            let private = private_key(key).map_err(|problem| problem.text())?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| format!("{}: {error}", key.path.display()))?
        }
    };
    Ok(Arc::new(config))
}

/// Returns why a connection failed, and the remedy.
pub fn explained(error: io::Error) -> io::Error {
    let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match refused {
        Some(why @ Error::InvalidCertificate(_)) => io::Error::new(
            error.kind(),
            format!(
                "the gateway's certificate is not trusted ({why}): name the certificate, or its authority, with --ca"
            ),
        ),
        _ => error,
    }
}

/// Connects to a gateway on this host, for `healthcheck`. The address of another host is refused.
///
/// The certificate is not verified: the connection does not leave this host and carries no secret, and a gateway is
/// healthy even if its renewed certificate has not been loaded yet. If clients need a certificate, this one shows the
/// gateway's own.
pub fn local(stream: TcpStream, tls: &TlsFiles) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    if stream.local_addr()?.ip().to_canonical() != stream.peer_addr()?.ip().to_canonical() {
        return Err(io::Error::other("the gateway of these settings is not on this host"));
    }
    let own = tls.client_certificate_required.then_some((&tls.certificate, &tls.key));
    let config = with(Arc::new(Anybody), own).map_err(io::Error::other)?;
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Accepts a server whose certificate is signed by a trusted authority for its name, or is itself trusted.
#[derive(Debug)]
struct KnownOrPinned {
    known: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for KnownOrPinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.known.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_verify_schemes()
    }
}

/// Accepts every server that has the key of its certificate, for [`local`].
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
