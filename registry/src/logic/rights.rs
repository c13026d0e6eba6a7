//! Who may do what, where: role and action decide over the right, the place of the grant over what is seen at all.
//!
//! What lies outside every grant does not exist for the caller (404), whatever the action; what lies inside one whose
//! role does not include the action is refused (403).

use schemas::org::{OrgId, area_range};
use schemas::token::{Grant, Role};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See an area, a school, a class or a device with what belongs to it.
    Read,
    /// See who changed what.
    ReadAudit,
    /// Make, rename or close an area, set its batch: the province alone.
    EditArea,
    /// Tell of an area's platform and network.
    EditProfile,
    /// Keep groups of areas.
    EditGroups,
    /// Add, edit, transfer, merge, close or delete schools.
    EditSchools,
    /// Remove a school that was in use: the province alone.
    PurgeSchools,
    /// Keep a school's campuses and classes, and confirm its profile.
    EditClasses,
    /// Edit, move, suspend, retire or revoke devices, and judge what is doubtful about them.
    EditDevices,
    /// Issue, list and revoke enrolment codes.
    IssueCodes,
    /// Say which days are school days.
    EditCalendar,
    /// See accounts, and places without an administrator.
    ReadAccounts,
    /// Add, edit, lock and close accounts; whoever may not give a role may not touch an account that has it.
    EditAccounts,
    /// Give and take every role but a class's teacher.
    GrantAdmins,
    /// Make somebody a class's teacher.
    GrantTeachers,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 15] = [
        Action::Read,
        Action::ReadAudit,
        Action::EditArea,
        Action::EditProfile,
        Action::EditGroups,
        Action::EditSchools,
        Action::PurgeSchools,
        Action::EditClasses,
        Action::EditDevices,
        Action::IssueCodes,
        Action::EditCalendar,
        Action::ReadAccounts,
        Action::EditAccounts,
        Action::GrantAdmins,
        Action::GrantTeachers,
    ];
}

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// An area.
    Area(u32),
    /// A school, and the area that directly manages it today.
    School {
        /// Area.
        division: u32,
        /// School.
        school_no: u32,
    },
    /// A class, or a device that is in it today.
    Class {
        /// Area.
        division: u32,
        /// School.
        school_no: u32,
        /// Class.
        class_no: u32,
    },
}

impl Node {
    /// The area, and the school (0: none).
    #[must_use]
    pub fn place(self) -> (u32, u32) {
        match self {
            Node::Area(code) => (code, 0),
            Node::School { division, school_no } | Node::Class { division, school_no, .. } => (division, school_no),
        }
    }
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may be done.
    Allowed,
    /// Inside, without the right: 403.
    Forbidden,
    /// Outside: 404.
    Outside,
}

/// Does the role include the action?
#[must_use]
pub fn may(role: Role, action: Action) -> bool {
    match action {
        Action::Read => true,
        Action::EditArea | Action::PurgeSchools => role == Role::ProvinceAdmin,
        Action::EditProfile | Action::EditGroups | Action::EditSchools | Action::GrantAdmins => is_area_admin(role),
        Action::ReadAudit
        | Action::EditClasses
        | Action::EditDevices
        | Action::EditCalendar
        | Action::ReadAccounts
        | Action::EditAccounts
        | Action::GrantTeachers => is_area_admin(role) || role == Role::SchoolAdmin,
        Action::IssueCodes => is_area_admin(role) || matches!(role, Role::SchoolAdmin | Role::ClassTeacher),
    }
}

fn is_area_admin(role: Role) -> bool {
    matches!(role, Role::ProvinceAdmin | Role::CityAdmin | Role::CountyAdmin)
}

/// What the holder of `grants` gets.
#[must_use]
pub fn access(grants: &[Grant], action: Action, node: Node) -> Access {
    let inside = || grants.iter().filter(|grant| covers(&grant.scope, node));
    if inside().any(|grant| may(grant.role, action)) {
        Access::Allowed
    } else if inside().next().is_some() {
        Access::Forbidden
    } else {
        Access::Outside
    }
}

/// Is the node the scope's, or below it? A scope that cannot be read covers nothing.
fn covers(scope: &str, node: Node) -> bool {
    match (OrgId::parse(scope), node) {
        (Some(OrgId::Area(own)), node) => contains(own, node.place().0),
        (Some(OrgId::School(own)), Node::School { school_no, .. } | Node::Class { school_no, .. }) => own == school_no,
        (Some(OrgId::Class(own)), Node::Class { class_no, .. }) => own == class_no,
        _ => false,
    }
}

fn contains(own: u32, other: u32) -> bool {
    area_range(own).contains(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, scope: &str) -> Grant {
        Grant { role, scope: scope.to_owned() }
    }

    const SCHOOL: Node = Node::School { division: 440_106, school_no: 7 };
    const CLASS: Node = Node::Class { division: 440_106, school_no: 7, class_no: 70 };

    #[test]
    fn outside_is_absent_whatever_the_action() {
        for action in Action::ALL {
            let below = [grant(Role::CountyAdmin, "440106")];
            assert_eq!(access(&below, action, Node::Area(440_100)), Access::Outside, "above");
            assert_eq!(access(&below, action, Node::Area(440_105)), Access::Outside, "sideways");
            assert_eq!(access(&[grant(Role::SchoolAdmin, "s8")], action, SCHOOL), Access::Outside);
            assert_eq!(access(&[grant(Role::ClassTeacher, "c71")], action, CLASS), Access::Outside);
            assert_eq!(access(&[grant(Role::ClassTeacher, "c70")], action, SCHOOL), Access::Outside, "above");
            assert_eq!(access(&[], action, SCHOOL), Access::Outside);
            assert_eq!(access(&[grant(Role::ProvinceAdmin, "nonsense")], action, SCHOOL), Access::Outside);
        }
    }

    #[test]
    fn inside_the_role_decides() {
        let county = [grant(Role::CountyAdmin, "440106")];
        assert_eq!(access(&county, Action::EditSchools, SCHOOL), Access::Allowed);
        assert_eq!(access(&county, Action::PurgeSchools, SCHOOL), Access::Forbidden);
        let school = [grant(Role::SchoolAdmin, "s7")];
        assert_eq!(access(&school, Action::EditDevices, CLASS), Access::Allowed);
        assert_eq!(access(&school, Action::EditSchools, SCHOOL), Access::Forbidden);
        let analyst = [grant(Role::Analyst, "440100")];
        assert_eq!(access(&analyst, Action::Read, CLASS), Access::Allowed);
        assert_eq!(access(&analyst, Action::IssueCodes, CLASS), Access::Forbidden);
        assert_eq!(access(&[grant(Role::ClassTeacher, "c70")], Action::IssueCodes, CLASS), Access::Allowed);
    }

    #[test]
    fn the_best_of_several_grants_counts_where_it_holds() {
        let both = [grant(Role::Analyst, "440000"), grant(Role::SchoolAdmin, "s7")];
        assert_eq!(access(&both, Action::EditDevices, SCHOOL), Access::Allowed);
        let other = Node::School { division: 440_106, school_no: 8 };
        assert_eq!(access(&both, Action::EditDevices, other), Access::Forbidden);
    }
}
