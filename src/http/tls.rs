//! TLS of the HTTP server: certificate and key from PEM files, which are read again when they
//! change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};
use tokio::{io, time::interval};
use tokio_rustls::TlsAcceptor;

use crate::{config, connection::ClientIo};

/// Interval of looks at the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Maximum size of a file, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Certificate in use.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
}

/// Contents of both files.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads certificate and key; relative paths are below `folder`.
    ///
    /// # Errors
    /// Key and description of the problem.
    pub fn load(config: &config::Tls, folder: &Path) -> Result<Arc<Self>, (String, String)> {
        let (certificate, key) = (folder.join(&config.certificate), folder.join(&config.key));
        let files = Files::read(&certificate, &key)?;
        let current = ArcSwap::new(files.server_config()?);
        Ok(Arc::new(Self { certificate, key, current }))
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// When the client fails the handshake.
    pub(super) async fn accept(&self, io: TcpStream) -> io::Result<ClientIo> {
        let acceptor = TlsAcceptor::from(self.current.load_full());
        Ok(ClientIo::Right(Box::new(acceptor.accept(io).await?)))
    }

    /// Reads the files again when they change, until it is dropped. A certificate that is not valid
    /// is logged, and the last good one stays in use.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut check = interval(CHECK_INTERVAL);
        let mut known = self.fingerprint();
        loop {
            check.tick().await;
            let found = self.fingerprint();
            if found == known {
                continue;
            }
            known = found;
            let read = Files::read(&self.certificate, &self.key);
            match read.and_then(|files| files.server_config()) {
                Ok(config) => {
                    self.current.store(config);
                    tracing::info!(
                        certificate = %self.certificate.display(),
                        "tls: the certificate was changed; new connections use it"
                    );
                }
                Err((key, message)) => tracing::error!(
                    key,
                    message,
                    "tls: the changed certificate is not valid; the last good one stays in use"
                ),
            }
        }
    }

    /// Returns a hash of both files; `None` while one cannot be read.
    fn fingerprint(&self) -> Option<[u8; 32]> {
        let files = Files::read(&self.certificate, &self.key).ok()?;
        let hash = Sha256::new()
            .chain_update(files.certificate.len().to_be_bytes())
            .chain_update(files.certificate)
            .chain_update(files.key);
        Some(hash.finalize().into())
    }
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, (String, String)> {
        Ok(Self {
            certificate: read("server.tls.certificate", certificate)?,
            key: read("server.tls.key", key)?,
        })
    }

    fn server_config(&self) -> Result<Arc<ServerConfig>, (String, String)> {
        let certificate = |message: String| ("server.tls.certificate".to_owned(), message);
        let key = |message: String| ("server.tls.key".to_owned(), message);
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| certificate(format!("the certificate is not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(certificate("there is no certificate in the file".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| key(format!("there is no private key in the file: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|error| key(format!("certificate and key cannot be used: {error}")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(key: &str, file: &Path) -> Result<Vec<u8>, (String, String)> {
    let fault = |message: String| (key.to_owned(), message);
    let length = fs::metadata(file)
        .map_err(|error| fault(format!("{} cannot be read: {error}", file.display())))?
        .len();
    if length > FILE_MAX_BYTES {
        return Err(fault(format!("{} has more than {FILE_MAX_BYTES} bytes", file.display())));
    }
    fs::read(file).map_err(|error| fault(format!("{} cannot be read: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, certificate: &str, key: &str) -> config::Tls {
        fs::write(folder.join("cert.pem"), certificate).expect("it is written");
        fs::write(folder.join("key.pem"), key).expect("it is written");
        config::Tls { certificate: "cert.pem".to_owned(), key: "key.pem".to_owned() }
    }

    #[test]
    fn certificate_and_key_are_checked() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let made = |name: &str| {
            rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate")
        };
        let (one, other) = (made("a.example.com"), made("b.example.com"));
        let good = files(folder.path(), &one.cert.pem(), &one.signing_key.serialize_pem());
        assert!(Tls::load(&good, folder.path()).is_ok());
        for (certificate, key, blamed) in [
            ("", one.signing_key.serialize_pem(), "server.tls.certificate"),
            ("no PEM", one.signing_key.serialize_pem(), "server.tls.certificate"),
            (&*one.cert.pem(), String::new(), "server.tls.key"),
            (&*one.cert.pem(), other.signing_key.serialize_pem(), "server.tls.key"),
        ] {
            let bad = files(folder.path(), certificate, &key);
            let (found, message) = Tls::load(&bad, folder.path()).expect_err("it is not valid");
            assert_eq!(found, blamed, "{message}");
        }
        let missing = config::Tls { certificate: "none.pem".to_owned(), ..good };
        let (found, message) = Tls::load(&missing, folder.path()).expect_err("there is no file");
        assert!(found == "server.tls.certificate" && message.contains("none.pem"), "{message}");
    }
}
