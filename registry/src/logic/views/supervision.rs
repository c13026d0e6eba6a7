//! How far the areas and schools below have come, for those who supervise them (FEATURES N25).

use serde::Serialize;
use utoipa::ToSchema;

/// A lower area, with all schools in it, or a school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SupervisionView {
    /// `440106` or `s1024`.
    pub id: String,
    /// Name.
    pub name: String,
    /// `city`, `county` or `school`.
    pub level: String,
    /// First day of the rollout's window.
    pub window_from: Option<String>,
    /// Its last day.
    pub window_until: Option<String>,
    /// What there is, and how much of it is done.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Of schools that are normal or do not enrol pupils at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// Schools.
    pub schools: u32,
    /// Of these, with a confirmed profile.
    pub initialised: u32,
    /// Of these, with an administrator.
    pub with_administrator: u32,
    /// Of these, with a device that is not retired.
    pub with_devices: u32,
    /// Devices that are not retired. Which of them report is in the statistics: `reporting_rate`.
    pub devices: u32,
}

impl std::ops::AddAssign for Progress {
    fn add_assign(&mut self, other: Progress) {
        self.schools += other.schools;
        self.initialised += other.initialised;
        self.with_administrator += other.with_administrator;
        self.with_devices += other.with_devices;
        self.devices += other.devices;
    }
}
