//! The Ed25519 keys that tokens are signed with, as PEM files.
//!
//! A private key is made once and never replaced by this program: losing it makes every token worthless. Two processes
//! that start at once agree on the one that came first.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A key that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or its directory.
    #[error("use the key file {path}")]
    File {
        /// File.
        path: PathBuf,
        /// Reason.
        #[source]
        source: io::Error,
    },
    /// Not an Ed25519 key in PKCS#8 PEM.
    #[error("{0} holds no Ed25519 private key (PKCS#8, PEM)")]
    Malformed(PathBuf),
    /// The library makes no key.
    #[error("make an Ed25519 key")]
    Make,
}

/// Private and public keys, PEM.
#[derive(Clone)]
pub struct Keys {
    /// Signs device tokens.
    pub device_pem: Vec<u8>,
    /// Signs user tokens.
    pub user_pem: Vec<u8>,
    /// Verifies device tokens.
    pub device_public_pem: Vec<u8>,
    /// Verifies user tokens.
    pub user_public_pem: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

impl Keys {
    /// Reads the keys of a directory, and makes those that are not there yet.
    ///
    /// # Errors
    /// The directory cannot be written, or holds something else.
    pub fn open(directory: &Path) -> Result<Keys, KeyError> {
        fs::create_dir_all(directory).map_err(|source| KeyError::File { path: directory.to_owned(), source })?;
        let (device_pem, device_public_pem) = open_pair(directory, "device")?;
        let (user_pem, user_public_pem) = open_pair(directory, "user")?;
        Ok(Keys { device_pem, user_pem, device_public_pem, user_public_pem })
    }
}

/// Makes `<name>.pem` and `<name>.pub.pem` if need be, and gives both.
fn open_pair(directory: &Path, name: &str) -> Result<(Vec<u8>, Vec<u8>), KeyError> {
    let (private, public) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.pub.pem")));
    if !private.exists() {
        write_once(&private, &pem("PRIVATE KEY", &make()?), 0o600)?;
    }
    let text = fs::read(&private).map_err(|source| KeyError::File { path: private.clone(), source })?;
    let spki = public_of(&text).ok_or(KeyError::Malformed(private))?;
    let public_text = pem("PUBLIC KEY", &spki);
    write_once(&public, &public_text, 0o644)?;
    // Made from the private key: whatever the file holds, what is signed here is verified here.
    Ok((text, public_text.into_bytes()))
}

/// A new private key, PKCS#8 DER.
fn make() -> Result<Vec<u8>, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Make)?;
    Ok(pair.to_pkcs8v1().map_err(|_| KeyError::Make)?.as_ref().to_vec())
}

/// The public key of a private one in PEM: SubjectPublicKeyInfo DER.
fn public_of(private_pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(private_pem).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = Ed25519KeyPair::from_pkcs8(&STANDARD.decode(body).ok()?).ok()?;
    Some(pair.public_key().as_der().ok()?.as_ref().to_vec())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Writes a whole file, unless there is one: readers see all of it or nothing, and the first writer wins.
fn write_once(path: &Path, text: &str, mode: u32) -> Result<(), KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    if path.exists() {
        return Ok(());
    }
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_and_private_ones_are_private() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(directory.path()).unwrap();
        let public = fs::read(directory.path().join("device.pub.pem")).unwrap();
        let again = Keys::open(directory.path()).unwrap();
        assert_eq!(keys.device_pem, again.device_pem);
        assert_ne!(keys.device_pem, keys.user_pem);
        assert_eq!(public, fs::read(directory.path().join("device.pub.pem")).unwrap());
        let mode = |name: &str| fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("device.pem"), mode("user.pem")), (0o600, 0o600));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "no draft is left");
    }

    #[test]
    fn a_lost_public_key_is_written_again_and_a_foreign_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        Keys::open(directory.path()).unwrap();
        let path = directory.path().join("user.pub.pem");
        let public = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        Keys::open(directory.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), public);
        fs::write(directory.path().join("user.pem"), "x").unwrap();
        assert!(matches!(Keys::open(directory.path()), Err(KeyError::Malformed(_))));
    }
}
