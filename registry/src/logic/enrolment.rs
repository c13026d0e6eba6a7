//! How a device joins: what a code is worth, and which device a machine is.

use super::conflict::{Faults, Invalid};
use super::views::ClassView;
use schemas::registry::DeviceKind;
use serde::Deserialize;
use utoipa::ToSchema;

/// How long a code may be redeemed (FEATURES G23).
pub const CODE_LIFE_MS: i64 = 24 * 3_600_000;

/// Why a code opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// Nobody made it.
    #[error("there is no such code")]
    Unknown,
    /// Its 24 hours are over.
    #[error("the code has expired; ask the school for a new one")]
    Expired,
    /// A device has used it.
    #[error("the code was used before; ask the school for a new one")]
    Used,
    /// The school took it back.
    #[error("the code was revoked; ask the school for a new one")]
    Revoked,
}

impl CodeFault {
    /// Its name for programs.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            CodeFault::Unknown => "code_unknown",
            CodeFault::Expired => "code_expired",
            CodeFault::Used => "code_used",
            CodeFault::Revoked => "code_revoked",
        }
    }
}

/// The state of a code that is kept as `kept`, at `now_ms`.
#[must_use]
pub fn state(kept: &str, expires_at_ms: i64, now_ms: i64) -> &str {
    if kept == "issued" && expires_at_ms <= now_ms { "expired" } else { kept }
}

/// What a state (see [`state`]) means for somebody who redeems the code.
///
/// # Errors
/// It opens nothing.
pub fn redeemable(state: &str) -> Result<(), CodeFault> {
    match state {
        "issued" => Ok(()),
        "expired" => Err(CodeFault::Expired),
        "used" => Err(CodeFault::Used),
        _ => Err(CodeFault::Revoked),
    }
}

/// A code of ten random bytes: 20 hexadecimal digits.
#[must_use]
pub fn code(random: [u8; 10]) -> String {
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a machine brings to join.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolForm {
    /// 20 hexadecimal digits, from the school's console.
    #[schema(example = "fd63aa071d451423c476")]
    pub code: String,
    /// 12 hexadecimal digits; `:` and `-` are ignored.
    #[schema(example = "502B73D06CCA")]
    pub mac: String,
    /// What stays when the disk is restored: a hash of the board's and the system's identity, 16 to 64 of `[0-9a-f-]`.
    pub hardware_id: String,
    /// `all_in_one`, `whiteboard`, `projector_pc` or `other`.
    pub kind: String,
    /// A class of the code's school; 0: none.
    pub class_no: u32,
    /// Where the form asks for the class's campus: it has to be the class's, and is kept with the class alone.
    pub campus_no: Option<u32>,
    /// Where the form asks for the class's grade, likewise.
    pub grade: Option<u32>,
    /// Free text.
    #[serde(default)]
    pub note: String,
}

/// A checked [`EnrolForm`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Code.
    pub code: String,
    /// 12 capital hexadecimal digits.
    pub mac: String,
    /// Identity of the hardware.
    pub hardware_id: String,
    /// Kind.
    pub kind: DeviceKind,
    /// Class, 0: none.
    pub class_no: u32,
    /// The campus that the class is said to be on.
    pub campus_no: Option<u32>,
    /// The grade that the class is said to be of.
    pub grade: Option<u32>,
    /// Free text.
    pub note: String,
}

impl EnrolForm {
    /// Checks the values. A code of another shape is one that nobody made, which the store finds out.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(self) -> Result<Enrolment, Invalid> {
        let mut faults = Faults::default();
        let mac = mac(&self.mac);
        faults.unless(mac.is_some(), "/mac", "12 hexadecimal digits");
        let id = &self.hardware_id;
        let plain = id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-');
        faults.unless((16..=64).contains(&id.len()) && plain, "/hardware_id", "16 to 64 of [0-9a-f-]");
        let kind = DeviceKind::parse(&self.kind);
        faults.unless(kind.is_some(), "/kind", "all_in_one, whiteboard, projector_pc or other");
        faults.text(&self.note, 200, "/note");
        faults.done()?;
        let EnrolForm { code, hardware_id, class_no, campus_no, grade, note, .. } = self;
        Ok(Enrolment {
            code,
            mac: mac.unwrap_or_default(),
            hardware_id,
            kind: kind.unwrap_or(DeviceKind::Other),
            class_no,
            campus_no,
            grade,
            note,
        })
    }
}

impl Enrolment {
    /// Compares what the form says of the class with the class; none: the device is in none.
    ///
    /// # Errors
    /// Class, campus and grade do not belong together: one of them was chosen wrongly.
    pub fn check_class(&self, class: Option<&ClassView>) -> Result<(), Invalid> {
        let is = |told: Option<u32>, own: Option<u32>| told.is_none() || told == own;
        let mut faults = Faults::default();
        faults.unless(is(self.campus_no, class.map(|class| class.campus_no)), "/campus_no", "the campus of the class");
        faults.unless(is(self.grade, class.map(|class| class.grade)), "/grade", "the grade of the class");
        faults.done()
    }
}

/// An address as it is kept: 12 capital hexadecimal digits; `:` and `-` are ignored.
#[must_use]
pub fn mac(text: &str) -> Option<String> {
    let mac: String = text.chars().filter(|c| !":-".contains(*c)).map(|c| c.to_ascii_uppercase()).collect();
    (mac.len() == 12 && mac.bytes().all(|b| b.is_ascii_hexdigit())).then_some(mac)
}

/// A device that is known by the machine's hardware or its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Number.
    pub device_no: u32,
    /// Where it is, as far as is entered.
    pub school_no: u32,
    /// Identity of its hardware.
    pub hardware_id: Option<String>,
    /// Its address.
    pub mac: Option<String>,
}

/// Which device the machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// One that is not known.
    New,
    /// This one, again.
    Again(u32),
    /// A new one that shares its hardware's identity or its address with these.
    Doubtful(Vec<u32>),
}

/// Decides by what is known of devices that are not retired.
///
/// Both hardware and address in the code's own school: the same machine, which keeps its number. Anything less is a new
/// device and is flagged: disk images that carry an identity with them and borrowed network adapters are common, and a
/// school's code must not take over a device of another school. A device whose hardware nobody has seen yet came from a
/// file, which promised its address.
#[must_use]
pub fn identity(wanted: &Enrolment, school_no: u32, known: &[Known]) -> Identity {
    let same = |device: &&Known| {
        device.school_no == school_no
            && device.hardware_id.as_ref().is_none_or(|id| *id == wanted.hardware_id)
            && device.mac.as_deref() == Some(&wanted.mac)
    };
    match known.iter().find(same) {
        Some(device) => Identity::Again(device.device_no),
        None if known.is_empty() => Identity::New,
        None => Identity::Doubtful(known.iter().map(|device| device.device_no).collect()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn form() -> EnrolForm {
        EnrolForm {
            code: "fd63aa071d451423c476".into(),
            mac: "50:2b:73-d0:6c:ca".into(),
            hardware_id: "0123456789abcdef".into(),
            kind: "all_in_one".into(),
            class_no: 0,
            campus_no: None,
            grade: None,
            note: String::new(),
        }
    }

    #[test]
    fn forms_are_normalised_and_checked() {
        assert_eq!(form().check().unwrap().mac, "502B73D06CCA");
        let bad = EnrolForm { mac: "502B73D06CC".into(), hardware_id: "XYZ".into(), kind: "tv".into(), ..form() };
        let pointers: Vec<_> = bad.check().unwrap_err().0.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/mac", "/hardware_id", "/kind"]);
    }

    #[test]
    fn campus_and_grade_are_those_of_the_class() {
        let class =
            ClassView { class_no: 70, school_no: 7, campus_no: 2, grade: 3, name: "三（1）班".into(), size: 40 };
        let faults = |campus_no, grade, class: Option<&ClassView>| {
            let wanted = EnrolForm { campus_no, grade, ..form() }.check().unwrap();
            let faults = wanted.check_class(class).err().map_or(Vec::new(), |invalid| invalid.0);
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert!(faults(None, None, Some(&class)).is_empty() && faults(None, None, None).is_empty());
        assert!(faults(Some(2), Some(3), Some(&class)).is_empty());
        assert_eq!(faults(Some(1), Some(4), Some(&class)), ["/campus_no", "/grade"]);
        assert_eq!(faults(Some(2), None, None), ["/campus_no"], "a device in no class has no campus");
    }

    #[test]
    fn a_code_ends_with_its_last_millisecond() {
        assert_eq!(redeemable(state("issued", 1_000, 999)), Ok(()));
        assert_eq!(redeemable(state("issued", 1_000, 1_000)), Err(CodeFault::Expired));
        assert_eq!(redeemable(state("used", 1_000, 2_000)), Err(CodeFault::Used), "what was used stays used");
        assert_eq!(redeemable(state("revoked", 1_000, 0)), Err(CodeFault::Revoked));
        assert_eq!(code([0xfd, 0x63, 0xaa, 7, 0x1d, 0x45, 0x14, 0x23, 0xc4, 0x76]), form().code);
    }

    #[test]
    fn only_the_same_machine_in_the_same_school_keeps_its_number() {
        let wanted = form().check().unwrap();
        let known = |device_no, school_no, hardware: &str, mac: &str| Known {
            device_no,
            school_no,
            hardware_id: Some(hardware.into()),
            mac: Some(mac.into()),
        };
        let (hardware, mac) = (wanted.hardware_id.as_str(), wanted.mac.as_str());
        assert_eq!(identity(&wanted, 7, &[]), Identity::New);
        let own = known(3, 7, hardware, mac);
        assert_eq!(identity(&wanted, 7, &[known(2, 8, hardware, mac), own.clone()]), Identity::Again(3));
        assert_eq!(identity(&wanted, 8, &[own]), Identity::Doubtful(vec![3]), "a code does not take a device away");
        assert_eq!(identity(&wanted, 7, &[known(3, 7, hardware, "0")]), Identity::Doubtful(vec![3]), "a disk image");
        let imported = Known { hardware_id: None, ..known(3, 7, "0", mac) };
        assert_eq!(identity(&wanted, 7, std::slice::from_ref(&imported)), Identity::Again(3), "from a file");
        assert_eq!(identity(&wanted, 8, &[imported]), Identity::Doubtful(vec![3]), "in its own school only");
        assert_eq!(identity(&wanted, 7, &[known(3, 7, "0", mac)]), Identity::Doubtful(vec![3]), "a borrowed adapter");
    }
}
