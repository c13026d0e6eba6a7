//! Claims of the two kinds of token (CONTRACT section 5): JWT, EdDSA.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `iss` of every token.
pub const ISSUER: &str = "classpulse";
/// `aud` of device tokens.
pub const AUDIENCE_EDGE: &str = "edge";
/// `aud` of user tokens.
pub const AUDIENCE_API: &str = "api";

/// A device token's claims; instants in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceClaims {
    /// [`ISSUER`]
    pub iss: String,
    /// [`AUDIENCE_EDGE`]
    pub aud: String,
    /// Device id.
    pub sub: Uuid,
    /// Device number.
    pub dno: u32,
    /// Issued at.
    pub iat: i64,
    /// Expires at.
    pub exp: i64,
    /// Rotation counter.
    #[serde(rename = "gen")]
    pub generation: u32,
}

/// A role, by its name in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// sees and administers all
    ProvinceAdmin,
    /// a city's subtree
    CityAdmin,
    /// a county's subtree
    CountyAdmin,
    /// a school
    SchoolAdmin,
    /// a class
    ClassTeacher,
    /// a subtree, read only
    Analyst,
    /// all, read only, and raw
    DataTeam,
}

/// One role at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Role.
    pub role: Role,
    /// `440106`, `s1024` or `c77`.
    pub scope: String,
}

/// A user token's claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    /// [`ISSUER`]
    pub iss: String,
    /// [`AUDIENCE_API`]
    pub aud: String,
    /// Account.
    pub sub: String,
    /// Display name.
    pub name: String,
    /// What the account may see.
    pub grants: Vec<Grant>,
    /// Expires at, seconds since the epoch.
    pub exp: i64,
}
