//! From sums to figures: every rate with its numerator and denominator, divided last.

use super::percentile::{count, percentile};
use super::sums::Sums;
use schemas::figures::FigureId;
use serde::Serialize;
use utoipa::ToSchema;

/// Ten-minute slots within school hours, 07:30-18:00.
pub const SCHOOL_SLOTS: u64 = 63;

/// Why a figure has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No device, class or school in service.
    NoUnits,
    /// No school day in the range.
    NotSchoolDay,
    /// Nothing was measured.
    NoData,
}

impl Reason {
    /// Its name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::NoUnits => "no_units",
            Reason::NotSchoolDay => "not_school_day",
            Reason::NoData => "no_data",
        }
    }
}

/// A figure of one unit. `value` is null, with a reason, where `den` is 0. Percentiles have no `num`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figure {
    /// `num / den`, not rounded; percentiles: milliseconds.
    #[schema(required)]
    pub value: Option<f64>,
    /// Numerator; percentiles have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub num: Option<u64>,
    /// Denominator; percentiles: bursts counted.
    pub den: u64,
    /// Why `value` is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<Reason>,
}

impl Figure {
    /// A figure without value.
    #[must_use]
    pub fn absent(id: FigureId, reason: Reason) -> Figure {
        let num = if id.percentile().is_some() { None } else { Some(0) };
        Figure { value: None, num, den: 0, reason: Some(reason) }
    }
}

/// The figure `id` of a unit. `has_school_days`: the whole range has a school day, for any school.
#[must_use]
pub fn figure(id: FigureId, sums: &Sums, has_school_days: bool) -> Figure {
    let (value, num, den) = match id.percentile() {
        Some(wanted) => {
            let histogram = if wanted.jitter { &sums.network.jitter } else { &sums.network.latency };
            (percentile(histogram, wanted.permille), None, count(histogram))
        }
        None => {
            let (num, den) = fraction(id, sums);
            ((den > 0).then(|| num as f64 / den as f64), Some(num), den)
        }
    };
    let reason = if value.is_none() { Some(reason(id, sums, has_school_days)) } else { None };
    Figure { value, num, den, reason }
}

/// Numerator and denominator of a figure that is not a percentile.
fn fraction(id: FigureId, sums: &Sums) -> (u64, u64) {
    use FigureId as F;
    let (roster, activity, network, devices) = (&sums.roster, &sums.activity, &sums.network, &sums.devices);
    match id {
        F::UsageRate => (activity.used, roster.in_service),
        F::ClassUsageRate => (activity.classes_used, roster.classes),
        F::SchoolUsageRate => (activity.schools_used, roster.schools),
        F::PowerOnRate => (activity.powered, roster.in_service),
        F::OnlineRate => (activity.online_slots, roster.in_service * SCHOOL_SLOTS),
        F::ReportingRate => (activity.reporting, roster.in_service),
        F::LessonUsageRate => (activity.lessons_used, roster.lesson_slots),
        F::Active7Rate => (devices.active7, devices.in_service),
        F::Active30Rate => (devices.active30, devices.in_service),
        F::AvgActiveS => (activity.active_s, roster.in_service),
        F::AvgActiveSReporting => (activity.active_s, activity.reporting),
        F::AvgOnS => (activity.on_s, roster.in_service),
        F::OnlineNow => devices.online_now.map_or((0, 0), |online| (online, devices.in_service)),
        F::NetworkPassRate => (network.pass, roster.in_service),
        F::NetworkKnownShare => (network.pass + network.fail, roster.in_service),
        F::LossRate => (network.lost, network.sent),
        F::OutageRate => (network.outage, network.valid + network.outage + network.partial),
        F::LatencyP50 | F::LatencyP90 | F::LatencyP99 | F::JitterP50 | F::JitterP90 | F::JitterP99 => (0, 0),
    }
}

/// Why a denominator is 0.
fn reason(id: FigureId, sums: &Sums, has_school_days: bool) -> Reason {
    let roster = &sums.roster;
    match id {
        FigureId::Active7Rate | FigureId::Active30Rate => return Reason::NoUnits,
        FigureId::OnlineNow if sums.devices.online_now.is_none() => return Reason::NoData,
        FigureId::OnlineNow => return Reason::NoUnits,
        _ => {}
    }
    if !has_school_days || (roster.rows > 0 && roster.school_day_rows == 0) {
        Reason::NotSchoolDay
    } else if roster.in_service == 0 || matches!(id, FigureId::ClassUsageRate | FigureId::SchoolUsageRate) {
        Reason::NoUnits
    } else {
        Reason::NoData
    }
}

#[cfg(test)]
#[path = "figures/tests.rs"]
mod tests;
