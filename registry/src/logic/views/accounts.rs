//! Accounts, grants and keys as they are shown: never a password, never a secret.

use serde::Serialize;
use utoipa::ToSchema;

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// Number.
    pub account_no: u32,
    /// Login.
    pub login: String,
    /// Real name.
    pub name: String,
    /// Phone number.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// The area or school whose account it is: `440106`, `s1024`.
    pub home: String,
    /// `active`, `locked` or `closed`.
    pub state: String,
    /// Has not chosen a password of its own yet.
    pub must_change: bool,
    /// Logins with the password need a code of an app as well.
    pub second_factor: bool,
    /// What it may do, where.
    pub grants: Vec<GrantView>,
    /// When it was made.
    pub created_at: String,
    /// By whom.
    pub created_by: String,
}

/// A role that an account has at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantView {
    /// Number.
    pub grant_no: u32,
    /// Role, by its name in tokens.
    pub role: String,
    /// `440106`, `s1024` or `c77`.
    pub scope: String,
    /// When it was granted.
    pub granted_at: String,
    /// By whom.
    pub granted_by: String,
}

/// An account with a password that is told once, and kept nowhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FirstPassword {
    /// The account.
    pub account: AccountView,
    /// To be changed at the first login.
    pub first_password: String,
}

/// A key for programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Number.
    pub key_no: u32,
    /// What it is for.
    pub name: String,
    /// What it reads.
    pub scope: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// It was taken back.
    pub revoked: bool,
}

/// A place without an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VacancyView {
    /// `440106` or `s1024`.
    pub id: String,
    /// Name.
    pub name: String,
    /// `city`, `county` or `school`.
    pub level: String,
}
