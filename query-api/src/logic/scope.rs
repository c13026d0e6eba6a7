//! What a caller may see. A [`Scope`] is made only from a verified token (see [`super::token`]), and no statement can
//! be built without one.

use schemas::org::{AreaLevel, OrgId, area_level, area_range};
use schemas::token::{Grant, Role};
use std::ops::RangeInclusive;

/// Areas, schools and classes that a caller's grants cover.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    places: Vec<Place>,
}

/// One grant, as a place and what may be read there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    extent: Extent,
    rights: Rights,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Extent {
    Area(RangeInclusive<u32>),
    School(u32),
    Class(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rights {
    /// Figures and devices.
    All,
    /// Devices only (class teachers).
    Devices,
}

/// Whether a caller may have what was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Allowed,
    /// It is inside, but not for this role: 403.
    Forbidden,
    /// It is outside, or is not there at all: 404.
    Outside,
}

/// The place of a school or of a device as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Area that directly manages the school.
    pub division: u32,
    /// School.
    pub school_no: u32,
    /// Class; 0: none.
    pub class_no: u32,
}

/// Which devices of a school a caller may list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DevicesOf {
    /// All of them.
    School,
    /// Those of these classes.
    Classes(Vec<u32>),
}

impl Scope {
    /// The scope of a verified token's grants; grants whose place cannot be read give nothing.
    pub(super) fn of_grants(grants: &[Grant]) -> Scope {
        Scope { places: grants.iter().filter_map(place).collect() }
    }

    /// May the caller read figures of an area?
    #[must_use]
    pub fn area(&self, code: u32) -> Access {
        let range = area_range(code);
        self.access(|extent| matches!(extent, Extent::Area(own) if covers(own, &range)))
    }

    /// May the caller read figures of a school?
    #[must_use]
    pub fn school(&self, division: u32, school_no: u32) -> Access {
        self.access(|extent| has_school(extent, division, school_no))
    }

    /// Which devices of a school may the caller list? `classes_here`: the classes of that school among those asked.
    #[must_use]
    pub fn devices_of(&self, division: u32, school_no: u32, is_class_here: impl Fn(u32) -> bool) -> Option<DevicesOf> {
        if self.places.iter().any(|place| has_school(&place.extent, division, school_no)) {
            return Some(DevicesOf::School);
        }
        let classes: Vec<u32> = self.classes().filter(|class| is_class_here(*class)).collect();
        if classes.is_empty() { None } else { Some(DevicesOf::Classes(classes)) }
    }

    /// May the caller read a device, where it is now?
    #[must_use]
    pub fn device(&self, at: Location) -> Access {
        let inside = self.places.iter().any(|place| match &place.extent {
            Extent::Class(class_no) => *class_no == at.class_no,
            extent => has_school(extent, at.division, at.school_no),
        });
        if inside { Access::Allowed } else { Access::Outside }
    }

    /// The classes that are granted by themselves.
    pub fn classes(&self) -> impl Iterator<Item = u32> {
        self.places.iter().filter_map(|place| match place.extent {
            Extent::Class(class_no) => Some(class_no),
            Extent::Area(_) | Extent::School(_) => None,
        })
    }

    /// May figures be read of every school that an area manages directly, whenever it did? What is kept in memory is
    /// summed by area, so a grant of single schools gives nothing there.
    #[must_use]
    pub fn covers_area(&self, division: u32) -> bool {
        let mut readable = self.places.iter().filter(|place| place.rights == Rights::All);
        readable.any(|place| matches!(&place.extent, Extent::Area(own) if own.contains(&division)))
    }

    /// The condition for tables of schools: true only for rows whose figures the caller may read.
    #[must_use]
    pub fn school_rows(&self) -> String {
        let readable = self.places.iter().filter(|place| place.rights == Rights::All);
        disjunction(readable.filter_map(|place| school_condition(&place.extent)))
    }

    /// The condition for tables of devices (`division`, `school_no`, `class_no`).
    #[must_use]
    pub fn device_rows(&self) -> String {
        disjunction(self.places.iter().map(|place| match place.extent {
            Extent::Class(class_no) => format!("class_no = {class_no}"),
            _ => school_condition(&place.extent).unwrap_or_else(|| "0".to_owned()),
        }))
    }

    /// A text that is equal for equal scopes: part of an answer's tag.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.device_rows() + "|" + &self.school_rows()
    }

    fn access(&self, covers: impl Fn(&Extent) -> bool) -> Access {
        let mut found = Access::Outside;
        for place in self.places.iter().filter(|place| covers(&place.extent)) {
            match place.rights {
                Rights::All => return Access::Allowed,
                Rights::Devices => found = Access::Forbidden,
            }
        }
        found
    }
}

fn place(grant: &Grant) -> Option<Place> {
    let extent = match OrgId::parse(&grant.scope)? {
        OrgId::Area(code) => Extent::Area(area_range(code)),
        OrgId::School(no) => Extent::School(no),
        OrgId::Class(no) => Extent::Class(no),
    };
    let rights = match grant.role {
        Role::ClassTeacher => Rights::Devices,
        Role::ProvinceAdmin
        | Role::CityAdmin
        | Role::CountyAdmin
        | Role::SchoolAdmin
        | Role::Analyst
        | Role::DataTeam => Rights::All,
    };
    Some(Place { extent, rights })
}

fn covers(own: &RangeInclusive<u32>, other: &RangeInclusive<u32>) -> bool {
    own.contains(other.start()) && own.contains(other.end())
}

fn has_school(extent: &Extent, division: u32, school_no: u32) -> bool {
    match extent {
        Extent::Area(range) => range.contains(&division),
        Extent::School(no) => *no == school_no,
        Extent::Class(_) => false,
    }
}

fn school_condition(extent: &Extent) -> Option<String> {
    match extent {
        Extent::Area(range) => Some(format!("division BETWEEN {} AND {}", range.start(), range.end())),
        Extent::School(no) => Some(format!("school_no = {no}")),
        Extent::Class(_) => None,
    }
}

/// `(a OR b)`; without members nothing is true.
fn disjunction(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    if conditions.is_empty() { "(0)".to_owned() } else { format!("({})", conditions.join(" OR ")) }
}

/// The next lower area of `area` that a division code belongs to; none for the area itself, or outside.
#[must_use]
pub fn child_area(area: u32, division: u32) -> Option<u32> {
    if division == area || !area_range(area).contains(&division) {
        return None;
    }
    match area_level(area) {
        AreaLevel::Province => Some(division / 100 * 100),
        AreaLevel::City => Some(division),
        AreaLevel::County => None,
    }
}

#[cfg(test)]
#[path = "scope/tests.rs"]
mod tests;
