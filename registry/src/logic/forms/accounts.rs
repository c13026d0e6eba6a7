//! What requests about accounts bring.

use super::super::account::is_login;
use super::super::conflict::{Faults, Invalid};
use super::super::grant;
use super::NAME;
use schemas::org::OrgId;
use schemas::token::Role;
use serde::Deserialize;
use utoipa::ToSchema;

/// Days that a key may be good for.
const KEY_DAYS: u32 = 366;

/// A new account.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountForm {
    /// 3 to 32 of `a-z 0-9 . _ -`, a letter first; never given again.
    #[schema(example = "tianhe.admin")]
    pub login: String,
    /// Real name.
    pub name: String,
    /// Phone number; unique, also good for logging in.
    pub phone: Option<String>,
    /// Address; unique, also good for logging in.
    pub email: Option<String>,
    /// Its first role, where one person may do both.
    pub grant: Option<GrantForm>,
}

impl AccountForm {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.unless(is_login(&self.login), "/login", "3 to 32 of a-z 0-9 . _ -, a letter first");
        person(&mut faults, &self.name, self.phone.as_deref(), self.email.as_deref());
        faults.done()
    }
}

/// Notes what is wrong about a person.
fn person(faults: &mut Faults, name: &str, phone: Option<&str>, email: Option<&str>) {
    faults.name(name, NAME, "/name");
    let digits = |text: &str| (6..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'+');
    faults.unless(phone.is_none_or(digits), "/phone", "6 to 20 digits");
    let address = |text: &str| {
        let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
        text.len() <= 100 && parts.is_some() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    faults.unless(email.is_none_or(address), "/email", "an e-mail address of at most 100 characters");
}

/// A change of an account; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountEdit {
    /// Real name.
    pub name: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Address.
    pub email: Option<String>,
}

impl AccountEdit {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        person(&mut faults, self.name.as_deref().unwrap_or("-"), self.phone.as_deref(), self.email.as_deref());
        faults.done()
    }
}

/// A role at a place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantForm {
    /// `province_admin`, `city_admin`, `county_admin`, `school_admin`, `class_teacher`, `analyst` or `data_team`.
    #[schema(example = "county_admin")]
    pub role: String,
    /// `440106`, `s1024` or `c77`.
    #[schema(example = "440106")]
    pub scope: String,
}

impl GrantForm {
    /// Role and place.
    ///
    /// # Errors
    /// There is no such role, or it does not go with the place.
    pub fn check(&self) -> Result<(Role, OrgId), Invalid> {
        let role = grant::role(&self.role).ok_or_else(|| Invalid::one("/role", "one of the seven roles"))?;
        let org = grant::scope(role, &self.scope).map_err(|error| Invalid::one("/scope", error.to_string()))?;
        Ok((role, org))
    }
}

/// Who wants to come in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginForm {
    /// Login, phone number or e-mail address.
    pub login: String,
    /// Password.
    pub password: String,
    /// What the authenticator app shows, if the account has a second factor.
    #[schema(example = "287082")]
    pub code: Option<String>,
}

/// A code of an authenticator app.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    /// Six digits.
    #[schema(example = "287082")]
    pub code: String,
}

/// Another password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    /// The present one.
    pub old: String,
    /// 10 to 128 characters.
    pub new: String,
}

/// A key for programs: it reads, and nothing else.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyForm {
    /// What it is for.
    pub name: String,
    /// An area or school inside the own scope: `440106`, `s1024`.
    pub scope: String,
    /// How long it is good for, at most 366 days.
    #[schema(minimum = 1, maximum = 366)]
    pub days: u32,
}

impl KeyForm {
    /// The place that it reads.
    ///
    /// # Errors
    /// A value cannot be accepted.
    pub fn check(&self) -> Result<OrgId, Invalid> {
        let mut faults = Faults::default();
        faults.name(&self.name, NAME, "/name");
        let org = OrgId::parse(&self.scope).filter(|org| !matches!(org, OrgId::Class(_)));
        faults.unless(org.is_some(), "/scope", "an area's code or a school (s…)");
        faults.unless((1..=KEY_DAYS).contains(&self.days), "/days", "1 to 366");
        faults.done()?;
        org.ok_or_else(|| Invalid::one("/scope", "an area's code or a school (s…)"))
    }
}
