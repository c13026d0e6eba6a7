#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]
use super::*;
use schemas::token::{Grant, Role};

fn node(id: &str, level: Level, division: u32, school_no: u32, name: &str) -> Node {
    Node { id: OrgId::parse(id).unwrap(), level, division, school_no, name: name.into() }
}

fn tree() -> Tree {
    Tree::new(vec![
        node("440000", Level::Province, 440_000, 0, "广东省"),
        node("440100", Level::City, 440_100, 0, "广州市"),
        node("440106", Level::County, 440_106, 0, "天河区"),
        node("440105", Level::County, 440_105, 0, "海珠区"),
        node("441900", Level::City, 441_900, 0, "东莞市"),
        node("s1", Level::School, 440_106, 1, "天河第一小学"),
        node("s2", Level::School, 440_100, 2, "广州市第二中学"),
        node("s3", Level::School, 440_000, 3, "省实验中学"),
        node("s4", Level::School, 441_900, 4, "东莞第四小学"),
        node("c77", Level::Class, 440_106, 1, "一年级1班"),
    ])
}

fn scope(role: Role, place: &str) -> Scope {
    Scope::of_grants(&[Grant { role, scope: place.into() }])
}

#[test]
fn units_hang_where_their_codes_say() {
    let tree = tree();
    assert_eq!(tree.child_areas(440_000), [440_100, 441_900]);
    assert_eq!(tree.child_areas(440_100), [440_105, 440_106]);
    assert!(tree.child_areas(441_900).is_empty());
    assert_eq!(tree.direct_schools(441_900), [4]);
    assert_eq!(unit_below(440_000, 440_106, 1), OrgId::Area(440_100));
    assert_eq!(unit_below(440_000, 440_000, 3), OrgId::School(3));
    assert_eq!(unit_below(440_100, 440_106, 1), OrgId::Area(440_106));
    assert_eq!(unit_below(440_106, 440_106, 1), OrgId::School(1));
}

#[test]
fn what_is_outside_looks_like_what_does_not_exist() {
    let tree = tree();
    let county = scope(Role::CountyAdmin, "440106");
    let access = |id: &str| tree.access(&county, OrgId::parse(id).unwrap()).0;
    assert_eq!(access("440106"), Access::Allowed);
    assert_eq!(access("s1"), Access::Allowed);
    for id in ["440105", "440100", "s2", "s4", "s999", "440199", "c77"] {
        assert_eq!(access(id), Access::Outside, "{id}");
    }
    let teacher = scope(Role::ClassTeacher, "c77");
    assert_eq!(tree.access(&teacher, OrgId::Class(77)).0, Access::Forbidden);
    assert_eq!(tree.access(&teacher, OrgId::School(1)).0, Access::Outside);
}

#[test]
fn search_shows_only_the_inside_and_paths_begin_there() {
    let tree = tree();
    let all = tree.search(&scope(Role::ProvinceAdmin, "440000"), "天河", 10);
    assert_eq!(all.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["440106", "s1"]);
    assert_eq!(all[1].path, ["广东省", "广州市", "天河区", "天河第一小学"]);
    let county = tree.search(&scope(Role::CountyAdmin, "440106"), "天河", 10);
    assert_eq!(county[1].path, ["天河区", "天河第一小学"]);
    assert!(tree.search(&scope(Role::CountyAdmin, "440106"), "广", 10).is_empty());
    assert_eq!(tree.search(&scope(Role::ProvinceAdmin, "440000"), "4401", 10).len(), 3);
    assert_eq!(tree.search(&scope(Role::ProvinceAdmin, "440000"), "S2", 10)[0].id, "s2");
    assert!(tree.search(&scope(Role::ClassTeacher, "c77"), "天河", 10).is_empty());
}
