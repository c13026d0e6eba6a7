//! Hashing passwords: argon2id, as slow and large as OWASP asks for (19 MiB, 2 passes), few at a time.

use argon2::password_hash::{self, SaltString};
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes at once: bounds the memory and leaves cores to everything else.
const AT_ONCE: usize = 2;

/// A password that was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The library refuses.
    #[error("hash a password: {0}")]
    Hash(password_hash::Error),
    /// The process stops.
    #[error("hash a password: the process stops")]
    Stopped,
}

/// Hashes and compares. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    nobodys: Arc<str>,
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// Makes the hash that a login without an account is compared with.
    ///
    /// # Errors
    /// The library refuses.
    pub fn new() -> Result<Passwords, PasswordError> {
        let nobodys = hash("nobody's password", rand::random())?.into();
        Ok(Passwords { nobodys, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// The hash of a password, with a salt of its own.
    ///
    /// # Errors
    /// The library refuses, or the process stops.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.work(move || hash(&password, rand::random())).await?
    }

    /// Is this the password of the hash? Without a hash it is not, after just as long.
    ///
    /// # Errors
    /// The process stops.
    pub async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, PasswordError> {
        let (known, nobodys) = (hash.is_some(), Arc::clone(&self.nobodys));
        let equal = move || compare(&password, hash.as_deref().unwrap_or(&nobodys));
        Ok(self.work(equal).await? && known)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let _turn = self.turns.acquire().await.map_err(|_| PasswordError::Stopped)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Stopped)
    }
}

/// The hash of a password, for the terminal.
///
/// # Errors
/// The library refuses.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
    let salt = SaltString::encode_b64(&salt).map_err(PasswordError::Hash)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

fn compare(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn only_the_password_itself_matches_and_nobody_takes_as_long() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("七个汉字加点儿".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("七个汉字加点儿".into()).await.unwrap(), "a salt of its own");
        assert!(passwords.matches("七个汉字加点儿".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("七个汉字加点".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("x".into(), Some("not a hash".into())).await.unwrap());
        let begun = Instant::now();
        assert!(!passwords.matches("nobody's password".into(), None).await.unwrap(), "nobody has a password");
        let nobody = begun.elapsed();
        let begun = Instant::now();
        passwords.matches("wrong".into(), Some(hash)).await.unwrap();
        let somebody = begun.elapsed();
        assert!(nobody * 5 > somebody, "{nobody:?} tells that there is no such account; else {somebody:?}");
    }
}
