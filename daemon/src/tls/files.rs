//! Reads and checks the files of TLS: certificates and keys. No message contains a part of a key.

use super::found::Findings;
use crate::permissions::mode_of;
use i3_config::{ListenAt, NamedFile, Problem, Problems, TlsFiles};
use i3_core::time::UnixTime;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{self, CertificateDer, PrivateKeyDer};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, ServerConfig, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The longest file that is read. A chain has a few kilobytes, and the list of a system's authorities has 200.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// The most bytes of a certificate chain. A handshake is written to the socket at once, and every socket has room for so
/// many.
const CHAIN_BYTES_MAX: usize = 16_384;

/// How long before the end of a certificate the warnings begin.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 86_400);

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Checks the files of these listeners, each once.
pub fn findings(listeners: &[ListenAt]) -> Findings {
    let mut all = Findings::default();
    let mut seen: Vec<&TlsFiles> = Vec::new();
    for tls in listeners.iter().filter_map(|at| at.tls.as_ref()) {
        if seen.contains(&tls) {
            continue;
        }
        seen.push(tls);
        match server_config(tls) {
            Ok((_, found)) => {
                all.good.extend(found.good);
                all.problems.extend(found.problems);
            }
            Err(problems) => all.problems.extend(problems.0),
        }
    }
    all
}

/// Reads the files of a listener. Returns the TLS settings and the findings about the files.
pub(super) fn server_config(tls: &TlsFiles) -> Result<(Arc<ServerConfig>, Findings), Problems> {
    let mut problems = Vec::new();
    let chain = keep(certificates(&tls.certificate), &mut problems);
    let key = keep(private_key(&tls.key), &mut problems);
    let authorities = tls.client_authorities.as_ref().map(authorities).transpose();
    let authorities = keep(authorities, &mut problems);
    let (Some(chain), Some(key), Some(authorities)) = (chain, key, authorities) else {
        return Err(Problems(problems));
    };
    let mut found = Findings::default();
    if chain.iter().map(|one| one.len()).sum::<usize>() > CHAIN_BYTES_MAX {
        let message = format!("the certificates have more than {CHAIN_BYTES_MAX} bytes");
        let fix = "leave out the certificate of the authority: clients have it";
        return Err(of_file(&tls.certificate, message, fix).into());
    }
    validity(&tls.certificate, &chain, &mut found)?;
    mode(&tls.key, &mut found);
    let own = chain[0].clone();
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| of_file(&tls.certificate, error.to_string(), ""))?;
    let builder = match authorities {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let of_authorities = |error: &dyn std::fmt::Display| {
                let file = tls.client_authorities.as_ref().unwrap_or(&tls.certificate);
                of_file(file, error.to_string(), "write the certificates of authorities, in PEM")
            };
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier =
                if tls.client_certificate_required { verifier } else { verifier.allow_unauthenticated() };
            let known = verifier.build().map_err(|error| of_authorities(&error))?;
            builder.with_client_cert_verifier(Arc::new(KnownOrOwn { known, own }))
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            let message = format!("is not the key of the certificate in {}", tls.certificate.path.display());
            of_file(&tls.key, message, format!("name the key that belongs to {}", tls.certificate.key))
        }
        // The error describes the kind of key, and does not contain the key.
        error => of_file(&tls.key, format!("cannot be used: {error}"), "use an RSA, ECDSA or Ed25519 key"),
    })?;
    // No session resumption. Games stay connected for days, the cache costs memory, and a client that a changed
    // `client_ca_file` excludes could resume its session.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((Arc::new(config), found))
}

fn keep<T>(outcome: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    outcome.map_err(|problem| problems.push(problem)).ok()
}

fn of_file(file: &NamedFile, message: impl std::fmt::Display, fix: impl Into<String>) -> Problem {
    Problem::error(&file.key, format!("{}: {message}", file.path.display()), fix)
}

fn read(file: &NamedFile) -> Result<Vec<u8>, Problem> {
    let read = |path: &Path| {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    match read(&file.path) {
        Ok(bytes) if bytes.len() as u64 > FILE_BYTES_MAX => {
            Err(of_file(file, format!("is longer than {FILE_BYTES_MAX} bytes"), "name another file"))
        }
        // Editors write a byte order mark before the first line.
        Ok(bytes) => Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map_or_else(|| bytes.clone(), <[u8]>::to_vec)),
        Err(error) => {
            let fix = "name a file that the user of the gateway can read";
            Err(of_file(file, format!("cannot be read: {error}"), fix))
        }
    }
}

pub(super) fn certificates(file: &NamedFile) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let bytes = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        // The error of the parser may contain a line of the file.
        _ => Err(of_file(
            file,
            "contains no certificate in PEM",
            "name a file with -----BEGIN CERTIFICATE-----",
        )),
    }
}

pub(super) fn private_key(file: &NamedFile) -> Result<PrivateKeyDer<'static>, Problem> {
    let bytes = read(file)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let is_locked = bytes.windows(9).any(|word| word == b"ENCRYPTED");
        let message =
            if is_locked { "the key is encrypted with a password" } else { "contains no private key in PEM" };
        of_file(file, message, "name a file with -----BEGIN PRIVATE KEY-----; openssl pkey writes one")
    })
}

pub(super) fn authorities(file: &NamedFile) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| {
            of_file(
                file,
                format!("contains an entry that is not the certificate of an authority: {error}"),
                "",
            )
        })?;
    }
    Ok(roots)
}

/// Reports until when a certificate is valid, and warns if that is soon.
fn validity(file: &NamedFile, chain: &[CertificateDer<'_>], found: &mut Findings) -> Result<(), Problem> {
    let parsed = ParsedCertificate::try_from(&chain[0]).map_err(|error| {
        of_file(
            file,
            format!("the first certificate cannot be used: {error}"),
            "write one of X.509 version 3",
        )
    })?;
    // The verifier checks the dates before the authority, so any authority will do. At the end of time every certificate
    // has expired.
    let at = |seconds| {
        let now = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], now, algorithms)
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let name = file.path.display();
    if let Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) = at(now) {
        let message = format!("{name}: the certificate is not valid before {}", date(not_before));
        found.problems.push(Problem::warning(&file.key, message, "check the clock of this host"));
    }
    let far = 253_402_300_799; // the last second that a certificate can name: RFC 5280, 4.1.2.5
    let Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) = at(far) else {
        return Ok(());
    };
    let fix = "renew the certificate, and send the gateway a SIGHUP";
    if not_after.as_secs() < now {
        let message = format!("{name}: the certificate expired at {}", date(not_after));
        found.problems.push(Problem::warning(&file.key, message, fix));
    } else if not_after.as_secs() < now + EXPIRY_WARNING.as_secs() {
        let message = format!("{name}: the certificate expires soon, at {}", date(not_after));
        found.problems.push(Problem::warning(&file.key, message, fix));
    } else {
        found.good.push(format!("TLS: the certificate in {name} is valid until {}", date(not_after)));
    }
    Ok(())
}

fn date(at: pki_types::UnixTime) -> UnixTime {
    UnixTime::from_micros(at.as_secs().saturating_mul(1_000_000))
}

/// Warns if every user of this host may read the key.
fn mode(file: &NamedFile, found: &mut Findings) {
    if let Some(mode) = mode_of(&file.path).filter(|mode| mode & 0o007 != 0) {
        let name = file.path.display();
        let message = format!("{name}: every user of this host may read the key (mode {mode:o})");
        found.problems.push(Problem::warning(&file.key, message, format!("chmod o= {name}")));
    }
}

/// Accepts clients whose certificate is signed by a configured authority, and those that show the gateway's own
/// certificate: `healthcheck` has no other one.
#[derive(Debug)]
struct KnownOrOwn {
    known: Arc<dyn ClientCertVerifier>,
    own: CertificateDer<'static>,
}

impl ClientCertVerifier for KnownOrOwn {
    fn offer_client_auth(&self) -> bool {
        self.known.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.known.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.known.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: pki_types::UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.own {
            return Ok(ClientCertVerified::assertion());
        }
        self.known.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.known.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.known.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_verify_schemes()
    }
}
