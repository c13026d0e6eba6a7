//! Who is ranked (METRICS section 7.3): units with few of them, or that report too little, are listed apart.

use super::figures::Figure;
use super::sums::Sums;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a unit has no rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unranked {
    /// The denominator is below 5.
    FewUnits,
    /// Less than half of the device-days report.
    LowReporting,
}

impl Unranked {
    /// Its name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Unranked::FewUnits => "few_units",
            Unranked::LowReporting => "low_reporting",
        }
    }
}

/// From when on a unit is ranked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Smallest denominator.
    pub min_den: u64,
    /// Smallest reporting rate, percent.
    pub min_reporting_percent: u64,
}

/// Why a unit is not ranked by this figure; none: it is.
#[must_use]
pub fn unranked(figure: &Figure, sums: &Sums, limits: Limits) -> Option<Unranked> {
    let (reporting, in_service) = (sums.activity.reporting, sums.roster.in_service);
    if figure.den < limits.min_den {
        Some(Unranked::FewUnits)
    } else if reporting * 100 < in_service * limits.min_reporting_percent {
        Some(Unranked::LowReporting)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { min_den: 5, min_reporting_percent: 50 };

    fn judged(den: u64, reporting: u64, in_service: u64) -> Option<Unranked> {
        let mut sums = Sums::default();
        (sums.activity.reporting, sums.roster.in_service) = (reporting, in_service);
        unranked(&Figure { value: None, num: Some(0), den, reason: None }, &sums, LIMITS)
    }

    #[test]
    fn five_units_and_half_of_them_reporting_are_enough() {
        assert_eq!(judged(5, 5, 10), None);
        assert_eq!(judged(4, 10, 10), Some(Unranked::FewUnits));
        assert_eq!(judged(10, 4, 9), Some(Unranked::LowReporting));
        assert_eq!(judged(0, 0, 0), Some(Unranked::FewUnits));
    }
}
