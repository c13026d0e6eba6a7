//! The organisations as they are now, in memory: names, levels, who hangs under whom.

use super::scope::{Access, Scope, child_area};
use schemas::org::{AreaLevel, OrgId, area_level};
use schemas::registry::Level;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// An organisation in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Org {
    /// `440106` or `s1024`.
    pub id: String,
    /// Name, in Chinese.
    pub name: String,
    /// `province`, `city`, `county` or `school`.
    #[schema(value_type = String)]
    pub level: Level,
    /// GB/T 2260 code; of a school: of the area that directly manages it.
    pub division: u32,
}

/// One row of `orgs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Id.
    pub id: OrgId,
    /// Level.
    pub level: Level,
    /// Own code, or the code of the area that directly manages the school.
    pub division: u32,
    /// Schools and classes; else 0.
    pub school_no: u32,
    /// Name.
    pub name: String,
}

impl Node {
    /// As it stands in answers.
    #[must_use]
    pub fn org(&self) -> Org {
        Org { id: self.id.to_string(), name: self.name.clone(), level: self.level, division: self.division }
    }
}

/// All organisations.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: HashMap<OrgId, Node>,
    /// School numbers by the area that manages them directly, ascending.
    schools: HashMap<u32, Vec<u32>>,
    /// Areas by the area above, ascending.
    areas: HashMap<u32, Vec<u32>>,
}

/// What figures are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A province, city or county with everything below.
    Area(u32),
    /// One school.
    School(u32),
}

/// A row of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hit {
    /// `440106` or `s1024`.
    pub id: String,
    /// Name.
    pub name: String,
    /// `province`, `city`, `county` or `school`.
    #[schema(value_type = String)]
    pub level: Level,
    /// Names from the highest area inside the caller's scope down to itself.
    pub path: Vec<String>,
}

impl Tree {
    /// A tree of these organisations.
    #[must_use]
    pub fn new(nodes: Vec<Node>) -> Tree {
        let mut tree = Tree::default();
        for node in nodes {
            match node.id {
                OrgId::School(no) => tree.schools.entry(node.division).or_default().push(no),
                OrgId::Area(code) => {
                    if let Some(parent) = area_above(code) {
                        tree.areas.entry(parent).or_default().push(code);
                    }
                }
                OrgId::Class(_) => {}
            }
            tree.nodes.insert(node.id, node);
        }
        tree.schools.values_mut().chain(tree.areas.values_mut()).for_each(|list| list.sort_unstable());
        tree
    }

    /// An organisation.
    #[must_use]
    pub fn get(&self, id: OrgId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// No organisation at all is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// May `scope` read figures of `id`? What does not exist is outside.
    #[must_use]
    pub fn access(&self, scope: &Scope, id: OrgId) -> (Access, Option<Target>) {
        let Some(node) = self.nodes.get(&id) else { return (Access::Outside, None) };
        match id {
            OrgId::Area(code) => (scope.area(code), Some(Target::Area(code))),
            OrgId::School(no) => (scope.school(node.division, no), Some(Target::School(no))),
            OrgId::Class(no) if scope.classes().any(|class| class == no) => (Access::Forbidden, None),
            OrgId::Class(_) => (Access::Outside, None),
        }
    }

    /// The school of a class.
    #[must_use]
    pub fn school_of_class(&self, class_no: u32) -> Option<u32> {
        self.nodes.get(&OrgId::Class(class_no)).map(|class| class.school_no)
    }

    /// Schools that an area manages directly, ascending.
    #[must_use]
    pub fn direct_schools(&self, area: u32) -> &[u32] {
        self.schools.get(&area).map_or(&[], Vec::as_slice)
    }

    /// The next lower areas, ascending.
    #[must_use]
    pub fn child_areas(&self, area: u32) -> &[u32] {
        self.areas.get(&area).map_or(&[], Vec::as_slice)
    }

    /// The organisation as it stands in answers; one that is no longer known has its id for a name.
    #[must_use]
    pub fn org(&self, id: OrgId, division: u32) -> Org {
        self.nodes.get(&id).map_or_else(|| unnamed(id, division), Node::org)
    }

    /// Areas and schools inside `scope` whose name holds `query`, or whose code begins with it; at most `limit`.
    #[must_use]
    pub fn search(&self, scope: &Scope, query: &str, limit: usize) -> Vec<Hit> {
        let query = query.to_lowercase();
        let found = self.nodes.values().filter(|node| is_hit(node, &query));
        let mut found: Vec<&Node> = found.filter(|node| self.access(scope, node.id).0 == Access::Allowed).collect();
        found.sort_unstable_by_key(|node| (node.id.to_string() != query, node.level, node.division, node.school_no));
        found.into_iter().take(limit).map(|node| self.hit(scope, node)).collect()
    }

    fn hit(&self, scope: &Scope, node: &Node) -> Hit {
        let mut path = vec![node.name.clone()];
        let mut above = match node.id {
            OrgId::Area(code) => area_above(code),
            OrgId::School(_) | OrgId::Class(_) => Some(node.division),
        };
        while let Some(code) = above {
            let inside = scope.area(code) == Access::Allowed;
            path.extend(self.nodes.get(&OrgId::Area(code)).filter(|_| inside).map(|area| area.name.clone()));
            above = area_above(code);
        }
        path.reverse();
        Hit { id: node.id.to_string(), name: node.name.clone(), level: node.level, path }
    }
}

/// The area above an area, by its code.
#[must_use]
pub fn area_above(code: u32) -> Option<u32> {
    match area_level(code) {
        AreaLevel::Province => None,
        AreaLevel::City => Some(code / 10_000 * 10_000),
        AreaLevel::County => Some(code / 100 * 100),
    }
}

/// The unit below `area` that a row of `division` counts for: a direct school or a child area.
#[must_use]
pub fn unit_below(area: u32, division: u32, school_no: u32) -> OrgId {
    match child_area(area, division) {
        Some(child) => OrgId::Area(child),
        None => OrgId::School(school_no),
    }
}

fn is_hit(node: &Node, query: &str) -> bool {
    !matches!(node.id, OrgId::Class(_))
        && (node.id.to_string().starts_with(query) || node.name.to_lowercase().contains(query))
}

fn unnamed(id: OrgId, division: u32) -> Org {
    let level = match id {
        OrgId::School(_) => Level::School,
        OrgId::Class(_) => Level::Class,
        OrgId::Area(code) => match area_level(code) {
            AreaLevel::Province => Level::Province,
            AreaLevel::City => Level::City,
            AreaLevel::County => Level::County,
        },
    };
    Org { id: id.to_string(), name: id.to_string(), level, division }
}

#[cfg(test)]
#[path = "tree/tests.rs"]
mod tests;
