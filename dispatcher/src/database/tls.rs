//! TLS to Postgres: rustls with ring, which checks certificate and host name always.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt;

use crate::config::{DatabaseConfig, Problem};
use crate::error::chain;

/// Trusts the authorities of the CA file, or the system's if none is set. A problem is about the file or the store.
pub(super) fn config(config: &DatabaseConfig) -> Result<ClientConfig, Problem> {
    let Some(path) = &config.ca_file else {
        return ClientConfig::with_platform_verifier().map_err(|error| {
            Problem::new(
                "sslmode=require",
                format!(
                    "the system's certificate authorities cannot be loaded: {}",
                    chain(&error)
                ),
                "install ca-certificates or set HERALD_DATABASE_CA_FILE",
            )
        });
    };
    let problem = |what: String| {
        Problem::new(
            format!("database.ca_file {}", path.display()),
            what,
            "give a PEM file with at least one certificate that herald may read",
        )
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| problem(format!("cannot be read: {}", chain(&error))))?;
    for certificate in certificates {
        let certificate =
            certificate.map_err(|error| problem(format!("is not PEM: {}", chain(&error))))?;
        roots
            .add(certificate)
            .map_err(|error| problem(chain(&error)))?;
    }
    if roots.is_empty() {
        return Err(problem("holds no certificate".to_owned()));
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}
