#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]
use super::*;
use proptest::prelude::*;

fn today() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn parsed(route: Route, query: &str) -> Params {
    parse(route, query, today()).unwrap()
}

fn faulty(route: Route, query: &str) -> String {
    parse(route, query, today()).unwrap_err().name
}

#[test]
fn defaults_are_thirty_days_that_end_today() {
    let params = parsed(Route::Children, "");
    assert_eq!((params.from, params.to), (day("2026-10-22"), today()));
    assert_eq!((params.page_size, params.order, params.cursor), (500, None, None));
    assert!(params.figures.contains(&FigureId::UsageRate) && !params.figures.contains(&FigureId::Active7Rate));
    assert_eq!(parsed(Route::Overview, "").figures, FigureId::ALL);
    let ranking = parsed(Route::Ranking, "").order.unwrap();
    assert_eq!((ranking.figure, ranking.descending), (FigureId::UsageRate, true));
}

#[test]
fn values_are_read_as_given() {
    let params = parsed(
        Route::Children,
        "from=2026-11-01&to=2026-11-05&figures=usage_rate%2Closs_rate,usage_rate&order=jitter_p99&page_size=7&cursor=a.b",
    );
    assert_eq!((params.from, params.to), (day("2026-11-01"), day("2026-11-05")));
    assert_eq!(params.figures, [FigureId::UsageRate, FigureId::LossRate, FigureId::JitterP99]);
    assert_eq!(params.order, Some(Order { figure: FigureId::JitterP99, descending: false }));
    assert_eq!((params.page_size, params.cursor.as_deref()), (7, Some("a.b")));
    assert_eq!(parsed(Route::Search, "q=+%E5%A4%A9%E6%B2%B3 ").q.as_deref(), Some("天河"));
}

#[test]
fn the_first_fault_is_named() {
    let cases = [
        ("to=2026-11-21", "to"),
        ("from=2026-11-21", "from"),
        ("from=2026-11-05&to=2026-11-04", "from"),
        ("from=2024-01-01", "from"),
        ("from=2026-02-30", "from"),
        ("to=", "to"),
        ("figures=", "figures"),
        ("figures=usage_rate,", "figures"),
        ("figures=use", "figures"),
        ("order=usage", "order"),
        ("order=--usage_rate", "order"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=%2B5", "page_size"),
        ("page_size=1e2", "page_size"),
        ("figure=usage_rate", "figure"),
        ("q=x", "q"),
        ("from=2026-11-01&from=2026-11-01", "from"),
        ("cursor=%ff", "cursor"),
        ("from=1969-12-31&to=1969-12-31", "to"),
    ];
    for (query, name) in cases {
        assert_eq!(faulty(Route::Children, query), name, "{query}");
    }
    assert_eq!(faulty(Route::Search, ""), "q");
    assert_eq!(faulty(Route::Search, "q=%20"), "q");
    assert_eq!(faulty(Route::Days, "figures=use"), "figures", "checked even where it is ignored");
    assert_eq!(faulty(Route::Catalog, "q=x"), "q");
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(query in ".{0,80}") {
        for route in [Route::Children, Route::Search, Route::Days, Route::Catalog] {
            if let Ok(params) = parse(route, &query, today()) {
                prop_assert!(params.from <= params.to && params.to <= today());
            }
        }
    }
}
