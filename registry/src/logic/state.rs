//! Which states a device may be brought into.

use schemas::registry::DeviceState::{self, Enrolled, InService, Retired, Suspended};

/// A change of state that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Retired is for good.
    #[error("the device is retired, for good; enrol it again")]
    Retired,
    /// Nobody but the midnight after the enrolment ends `enrolled`; nobody goes back to it.
    #[error("`enrolled` is left at the midnight after the enrolment, and never entered again")]
    Enrolled,
}

/// Whether bringing a device from one state into another changes anything.
///
/// # Errors
/// The change is not allowed.
pub fn change(from: DeviceState, to: DeviceState) -> Result<bool, StateError> {
    match (from, to) {
        (from, to) if from == to => Ok(false),
        (Retired, _) => Err(StateError::Retired),
        (_, Enrolled) | (Enrolled, InService) => Err(StateError::Enrolled),
        (Enrolled | InService | Suspended, InService | Suspended | Retired) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_ends_and_a_retirement_does_not() {
        assert_eq!(change(InService, Suspended), Ok(true));
        assert_eq!(change(Suspended, InService), Ok(true));
        assert_eq!(change(Suspended, Suspended), Ok(false));
        assert_eq!(change(Enrolled, Retired), Ok(true));
        assert_eq!(change(Retired, InService), Err(StateError::Retired));
        assert_eq!(change(Enrolled, InService), Err(StateError::Enrolled));
        assert_eq!(change(InService, Enrolled), Err(StateError::Enrolled));
    }
}
