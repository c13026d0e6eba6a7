//! Which scope fits which role (CONTRACT section 5).

use schemas::org::{AreaLevel, OrgId, area_level};
use schemas::token::Role;

/// A scope that cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Neither an area's code nor `s…` nor `c…`.
    #[error("{0} is no scope; give a code such as 440106, a school such as s1024 or a class such as c77")]
    Malformed(String),
    /// The role belongs to another level.
    #[error("{role} needs {needed} as its scope")]
    Level {
        /// Role, by its name in tokens.
        role: &'static str,
        /// What the scope has to be.
        needed: &'static str,
    },
}

/// Roles by their names in tokens.
pub const ROLES: [(&str, Role); 7] = [
    ("province_admin", Role::ProvinceAdmin),
    ("city_admin", Role::CityAdmin),
    ("county_admin", Role::CountyAdmin),
    ("school_admin", Role::SchoolAdmin),
    ("class_teacher", Role::ClassTeacher),
    ("analyst", Role::Analyst),
    ("data_team", Role::DataTeam),
];

/// The role of a name.
#[must_use]
pub fn role(name: &str) -> Option<Role> {
    ROLES.iter().find(|(text, _)| *text == name).map(|(_, role)| *role)
}

/// The name of a role in tokens.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    ROLES.iter().find(|(_, other)| *other == role).map_or("", |(name, _)| name)
}

/// The organisation that a role may be granted over.
///
/// # Errors
/// Not a scope, or one of another level than the role's.
pub fn scope(role: Role, text: &str) -> Result<OrgId, GrantError> {
    let org = OrgId::parse(text).ok_or_else(|| GrantError::Malformed(text.to_owned()))?;
    let (fits, needed) = match role {
        Role::ProvinceAdmin | Role::DataTeam => (is_area(org, AreaLevel::Province), "the province's code"),
        Role::CityAdmin => (is_area(org, AreaLevel::City), "a city's code"),
        Role::CountyAdmin => (is_area(org, AreaLevel::County), "a county's code"),
        Role::Analyst => (matches!(org, OrgId::Area(_)), "an area's code"),
        Role::SchoolAdmin => (matches!(org, OrgId::School(_)), "a school (s…)"),
        Role::ClassTeacher => (matches!(org, OrgId::Class(_)), "a class (c…)"),
    };
    if fits { Ok(org) } else { Err(GrantError::Level { role: role_name(role), needed }) }
}

fn is_area(org: OrgId, level: AreaLevel) -> bool {
    matches!(org, OrgId::Area(code) if area_level(code) == level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_level() {
        let cases = [
            (Role::ProvinceAdmin, "440000"),
            (Role::DataTeam, "440000"),
            (Role::CityAdmin, "440100"),
            (Role::CountyAdmin, "440106"),
            (Role::SchoolAdmin, "s1"),
            (Role::ClassTeacher, "c7"),
        ];
        for (role, own) in cases {
            for (_, scope_text) in cases {
                let level = |text: &str| (text.len(), text.ends_with("00"), text.ends_with("0000"), text.as_bytes()[0]);
                assert_eq!(scope(role, scope_text).is_ok(), level(own) == level(scope_text), "{role:?} {scope_text}");
            }
        }
        assert!(scope(Role::Analyst, "440106").is_ok() && scope(Role::Analyst, "440000").is_ok());
        assert!(scope(Role::Analyst, "s1").is_err());
        assert_eq!(scope(Role::Analyst, "x"), Err(GrantError::Malformed("x".into())));
    }

    #[test]
    fn names_are_those_of_the_tokens() {
        for (name, role) in ROLES {
            assert_eq!(serde_json::to_value(role).ok(), Some(serde_json::Value::from(name)));
        }
    }
}
