//! Which area manages the n-th school.

use crate::logic::model::Division;
use schemas::registry::Level;

/// 茂名市
pub(super) const CITY_WITH_A_CLOSURE: u32 = 440_900;

/// Schools directly under a city or the province, spread over the first ones: three of the province, those of
/// Dongguan and Zhongshan, and five of other cities.
const FIRST_DIRECT: [u32; 15] = [
    441_900, 440_000, 440_100, 442_000, 440_300, 441_900, 440_000, 440_600, 442_000, 441_200, 441_900, 440_000,
    440_400, 442_000, 441_900,
];

/// Direct schools of each further round of all counties.
const LATER_DIRECT: [u32; 11] =
    [441_900, 442_000, 441_900, 440_100, 441_900, 442_000, 440_300, 441_900, 442_000, 441_900, 440_600];

/// Coprime to the number of counties, so that each further round spreads over the whole province from its start.
const STRIDE: usize = 5;

/// The areas of all schools: a first round that reaches every area, then further rounds without end.
#[derive(Debug)]
pub(super) struct Placement {
    first: Vec<u32>,
    later: Vec<u32>,
}

impl Placement {
    pub(super) fn new(divisions: &[Division]) -> Placement {
        let is_county = |division: &&Division| division.level == Level::County;
        let counties: Vec<u32> = divisions.iter().filter(is_county).map(|division| division.code).collect();
        let spread: Vec<u32> = (0..counties.len()).map(|i| counties[i * STRIDE % counties.len()]).collect();
        let known = |direct: &[u32]| -> Vec<u32> {
            let is_known = |code: &&u32| divisions.iter().any(|division| division.code == **code);
            direct.iter().filter(is_known).copied().collect()
        };
        Placement {
            first: interleave(&counties, &known(&FIRST_DIRECT)),
            later: interleave(&spread, &known(&LATER_DIRECT)),
        }
    }

    /// The area of a school by its number, from 1; none if there are no areas.
    pub(super) fn of_school(&self, no: u32) -> Option<u32> {
        let index = no as usize - 1;
        let later = || self.later.get((index - self.first.len()) % self.later.len().max(1));
        self.first.get(index).or_else(later).copied()
    }
}

/// One of each in turn, as long as both last.
fn interleave(counties: &[u32], direct: &[u32]) -> Vec<u32> {
    let mut merged = Vec::with_capacity(counties.len() + direct.len());
    for i in 0..counties.len().max(direct.len()) {
        merged.extend(counties.get(i));
        merged.extend(direct.get(i));
    }
    merged
}
