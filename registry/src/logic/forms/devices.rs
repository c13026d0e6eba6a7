//! Devices, and what is doubtful about them.

use super::TEXT;
use crate::logic::conflict::{Faults, Invalid};
use schemas::registry::{DeviceKind, DeviceState};
use schemas::time::Day;
use serde::Deserialize;
use utoipa::ToSchema;

/// A change of a device; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEdit {
    /// `all_in_one`, `whiteboard`, `projector_pc` or `other`.
    #[schema(value_type = Option<String>)]
    pub kind: Option<String>,
    /// Day of purchase.
    pub procured_on: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// `in_service`, `suspended` or `retired`.
    #[schema(value_type = Option<String>)]
    pub state: Option<String>,
    /// Another school; with `class_no`.
    pub school_no: Option<u32>,
    /// Another class, 0: none.
    pub class_no: Option<u32>,
}

/// A checked [`DeviceEdit`].
#[derive(Clone, Debug, Default)]
pub struct DeviceChange {
    /// Kind.
    pub kind: Option<DeviceKind>,
    /// Day of purchase.
    pub procured_on: Option<Day>,
    /// Free text.
    pub note: Option<String>,
    /// State.
    pub state: Option<DeviceState>,
    /// School.
    pub school_no: Option<u32>,
    /// Class.
    pub class_no: Option<u32>,
}

impl DeviceEdit {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(self, now_ms: i64) -> Result<DeviceChange, Invalid> {
        let mut faults = Faults::default();
        let kind = self.kind.as_deref().map(DeviceKind::parse);
        faults.unless(kind != Some(None), "/kind", "all_in_one, whiteboard, projector_pc or other");
        let state = self.state.as_deref().map(DeviceState::parse);
        let enterable = !matches!(state, Some(None | Some(DeviceState::Enrolled)));
        faults.unless(enterable, "/state", "in_service, suspended or retired");
        let procured_on = self.procured_on.as_deref().map(Day::parse);
        let known = procured_on.is_none_or(|day| day.is_some_and(|day| day <= Day::of_ms(now_ms)));
        faults.unless(known, "/procured_on", "a day as YYYY-MM-DD, not after today");
        faults.text(self.note.as_deref().unwrap_or_default(), TEXT, "/note");
        faults.unless(self.school_no.is_none() || self.class_no.is_some(), "/class_no", "goes with school_no; 0: none");
        faults.done()?;
        Ok(DeviceChange {
            kind: kind.flatten(),
            procured_on: procured_on.flatten(),
            note: self.note,
            state: state.flatten(),
            school_no: self.school_no,
            class_no: self.class_no,
        })
    }
}

/// A judgement about something doubtful.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagForm {
    /// `confirmed_ok` or `fixed`.
    pub state: String,
}

impl FlagForm {
    /// Checks the state.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.unless(["confirmed_ok", "fixed"].contains(&self.state.as_str()), "/state", "confirmed_ok or fixed");
        faults.done()
    }
}
