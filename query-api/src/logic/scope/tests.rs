#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]
use super::*;

fn scope(grants: &[(Role, &str)]) -> Scope {
    let grants: Vec<Grant> = grants.iter().map(|(role, scope)| Grant { role: *role, scope: (*scope).into() }).collect();
    Scope::of_grants(&grants)
}

#[test]
fn a_county_sees_itself_and_its_schools_and_nothing_else() {
    let county = scope(&[(Role::CountyAdmin, "440106")]);
    assert_eq!(county.area(440_106), Access::Allowed);
    for outside in [440_000, 440_100, 440_105, 450_106] {
        assert_eq!(county.area(outside), Access::Outside, "{outside}");
    }
    assert_eq!(county.school(440_106, 7), Access::Allowed);
    assert_eq!(county.school(440_105, 7), Access::Outside);
    assert_eq!(county.school_rows(), "(division BETWEEN 440106 AND 440106)");
}

#[test]
fn a_city_covers_its_counties_and_its_direct_schools() {
    let city = scope(&[(Role::CityAdmin, "440100")]);
    assert_eq!(city.area(440_106), Access::Allowed);
    assert_eq!(city.area(440_000), Access::Outside);
    assert_eq!(city.school(440_100, 1), Access::Allowed);
    assert_eq!(city.school(440_000, 1), Access::Outside);
}

#[test]
fn a_class_teacher_reads_devices_of_the_own_class_only() {
    let teacher = scope(&[(Role::ClassTeacher, "c77")]);
    assert_eq!(teacher.school(440_106, 7), Access::Outside);
    assert_eq!(teacher.devices_of(440_106, 7, |class| class == 77), Some(DevicesOf::Classes(vec![77])));
    assert_eq!(teacher.devices_of(440_106, 8, |_| false), None);
    assert_eq!(teacher.device(Location { division: 440_106, school_no: 7, class_no: 77 }), Access::Allowed);
    assert_eq!(teacher.device(Location { division: 440_106, school_no: 7, class_no: 78 }), Access::Outside);
    assert_eq!(teacher.school_rows(), "(0)");
    assert_eq!(teacher.device_rows(), "(class_no = 77)");
}

#[test]
fn a_class_teacher_of_a_whole_school_is_inside_without_the_right_to_figures() {
    let teacher = scope(&[(Role::ClassTeacher, "s7")]);
    assert_eq!(teacher.school(440_106, 7), Access::Forbidden);
    assert_eq!(teacher.devices_of(440_106, 7, |_| false), Some(DevicesOf::School));
    assert_eq!(teacher.school_rows(), "(0)");
}

#[test]
fn several_grants_add_up_but_never_to_the_area_above() {
    let two = scope(&[(Role::CountyAdmin, "440106"), (Role::Analyst, "s9")]);
    assert_eq!(two.area(440_100), Access::Outside);
    assert_eq!(two.school(440_300, 9), Access::Allowed);
    assert_eq!(two.school_rows(), "(division BETWEEN 440106 AND 440106 OR school_no = 9)");
}

#[test]
fn grants_that_name_nothing_give_nothing() {
    let nothing = scope(&[(Role::ProvinceAdmin, ""), (Role::CityAdmin, "44 OR 1=1")]);
    assert_eq!(nothing.area(440_000), Access::Outside);
    assert_eq!(nothing.school_rows(), "(0)");
    assert_eq!(nothing.device_rows(), "(0)");
}

#[test]
fn a_school_hangs_under_the_child_that_its_division_nests_in() {
    assert_eq!(child_area(440_000, 440_106), Some(440_100));
    assert_eq!(child_area(440_000, 440_100), Some(440_100));
    assert_eq!(child_area(440_000, 440_000), None);
    assert_eq!(child_area(440_100, 440_106), Some(440_106));
    assert_eq!(child_area(440_106, 440_106), None);
    assert_eq!(child_area(440_100, 440_300), None);
}
