//! The query API's parameters: no query string panics the reader, and what it takes is within its bounds.
#![no_main]

#[path = "../../../query-api/src/logic"]
#[allow(dead_code, reason = "the query API uses the rest")]
mod logic {
    pub mod params;
}

use logic::params::{MAX_DAYS, MAX_PAGE, Route, parse};
use schemas::time::Day;

const TODAY: Day = Day(20_777);
const ROUTES: [Route; 10] = [
    Route::Overview,
    Route::Children,
    Route::Trend,
    Route::Network,
    Route::Ranking,
    Route::Devices,
    Route::Days,
    Route::Sessions,
    Route::Search,
    Route::Catalog,
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((route, query)) = data.split_first() else { return };
    let Ok(query) = std::str::from_utf8(query) else { return };
    if let Ok(params) = parse(ROUTES[usize::from(*route) % ROUTES.len()], query, TODAY) {
        assert!(params.from <= params.to && params.to <= TODAY && params.to.0 - params.from.0 < MAX_DAYS);
        assert!((1..=MAX_PAGE).contains(&params.page_size));
        let mut figures = params.figures.clone();
        figures.sort_unstable();
        figures.dedup();
        assert_eq!(figures.len(), params.figures.len(), "each figure once");
    }
});
