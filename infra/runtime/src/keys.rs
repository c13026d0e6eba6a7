//! Where the public keys of tokens are.

use serde::Deserialize;
use std::path::PathBuf;

/// `[keys]`: Ed25519 public keys, PEM (SubjectPublicKeyInfo).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Verifies device tokens.
    #[serde(default)]
    pub device_public: Option<PathBuf>,
    /// Verifies user tokens.
    #[serde(default)]
    pub user_public: Option<PathBuf>,
}
