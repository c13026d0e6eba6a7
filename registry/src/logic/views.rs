//! What is shown of things: the bodies of answers, what their tags are made of, and what the audit log keeps.

mod accounts;
mod supervision;

pub use accounts::{AccountView, FirstPassword, GrantView, KeyView, VacancyView};
pub use supervision::{Progress, SupervisionView};

use super::forms::AreaProfile;
use super::model::{Change, in_force};
use schemas::registry::{DeviceKind, DeviceState, Level, SchoolStatus};
use schemas::time::Day;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AreaView {
    /// GB/T 2260 code.
    pub code: u32,
    /// Name.
    pub name: String,
    /// `province`, `city` or `county`.
    #[schema(value_type = String)]
    pub level: Level,
    /// Code of the area above.
    pub parent: Option<u32>,
    /// Rollout batch of a city, 1 to 3; else 0.
    pub batch: u32,
    /// First day of the batch's window.
    pub batch_start: Option<String>,
    /// Its last day.
    pub batch_end: Option<String>,
    /// Took part in the pilot.
    pub pilot: bool,
    /// Here and below, an account and its role are acts of two people.
    pub two_person: bool,
    /// First day on which the area exists; none: always.
    pub valid_from: Option<String>,
    /// First day on which it no longer exists; none: it goes on.
    pub valid_until: Option<String>,
    /// What its administrator told of platform and network.
    pub profile: Option<AreaProfile>,
    /// That was told: the area is open.
    pub initialised: bool,
    /// When it was changed last.
    pub updated_at: Option<String>,
    /// By whom.
    pub updated_by: String,
}

/// A group of areas.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupView {
    /// Number.
    pub group_no: u32,
    /// Area that keeps it.
    pub division: u32,
    /// Name.
    pub name: String,
    /// Codes, ascending.
    pub members: Vec<u32>,
}

/// A value that is in force from a later day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Upcoming<T: ToSchema> {
    /// First day.
    pub from_day: String,
    /// Value.
    pub value: T,
}

/// A school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchoolView {
    /// Number.
    pub school_no: u32,
    /// What it is known by outside (学校标识码).
    pub code: Option<String>,
    /// Name.
    pub name: String,
    /// One of the nine types.
    pub school_type: String,
    /// 学制
    pub school_system: String,
    /// 办别
    pub ownership: String,
    /// 薄弱学校; in no figure.
    pub weak: bool,
    /// Free words.
    pub tags: Vec<String>,
    /// Address.
    pub address: String,
    /// Post code.
    pub post_code: String,
    /// The area that directly manages it today.
    pub division: u32,
    /// And from later days on.
    pub divisions_to_come: Vec<Upcoming<u32>>,
    /// `normal`, `suspended`, `merged` or `dissolved`, today.
    #[schema(value_type = String)]
    pub status: SchoolStatus,
    /// And from later days on.
    #[schema(value_type = Vec<Upcoming<String>>)]
    pub statuses_to_come: Vec<Upcoming<Word<SchoolStatus>>>,
    /// Its profile was confirmed, or a device was enrolled.
    pub initialised: bool,
    /// When its profile was changed last.
    pub updated_at: Option<String>,
    /// By whom.
    pub updated_by: String,
}

/// A school in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchoolRow {
    /// The school.
    #[serde(flatten)]
    pub school: SchoolView,
    /// Its devices that are not retired.
    pub devices: u64,
}

/// A word of the wire, described as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Word<T>(pub T);

impl<T> utoipa::PartialSchema for Word<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        String::schema()
    }
}

impl<T> ToSchema for Word<T> {}

/// A campus.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CampusView {
    /// Number.
    pub campus_no: u32,
    /// School.
    pub school_no: u32,
    /// Name.
    pub name: String,
}

/// A class.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClassView {
    /// Number.
    pub class_no: u32,
    /// School.
    pub school_no: u32,
    /// Campus.
    pub campus_no: u32,
    /// 1 to 15.
    pub grade: u32,
    /// Name.
    pub name: String,
    /// Pupils.
    pub size: u32,
}

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlaceView {
    /// School.
    pub school_no: u32,
    /// Class, 0: none.
    pub class_no: u32,
}

/// Something doubtful about an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlagView {
    /// Number.
    pub flag_no: i64,
    /// `duplicate_identity` or `code_used_for_other_class`.
    pub kind: String,
    /// In words.
    pub detail: String,
    /// `open`, `confirmed_ok` or `fixed`.
    pub state: String,
}

/// A flag in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FlagRow {
    /// The flag.
    #[serde(flatten)]
    pub flag: FlagView,
    /// Device.
    pub device_no: u32,
    /// The school where it is today.
    pub school_no: u32,
    /// The class, 0: none.
    pub class_no: u32,
}

/// A device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeviceView {
    /// Number.
    pub device_no: u32,
    /// What is on its label (设备编号).
    pub code: Option<String>,
    /// Identity in tokens.
    #[schema(value_type = String)]
    pub device_id: Uuid,
    /// `all_in_one`, `whiteboard`, `projector_pc` or `other`.
    #[schema(value_type = String)]
    pub kind: DeviceKind,
    /// `enrolled`, `in_service`, `suspended` or `retired`: what the edge acts on.
    #[schema(value_type = String)]
    pub state: DeviceState,
    /// Where it is today.
    pub place: PlaceView,
    /// And from later days on: until then the console shows both.
    pub places_to_come: Vec<Upcoming<PlaceView>>,
    /// Day of purchase.
    pub procured_on: Option<String>,
    /// Free text.
    pub note: String,
    /// 12 hexadecimal digits.
    pub mac: Option<String>,
    /// When it was enrolled.
    pub enrolled_at: String,
    /// Tokens below this generation are refused.
    pub token_gen: u32,
    /// All tokens are refused.
    pub revoked: bool,
    /// What an enrolment made look doubtful.
    pub flags: Vec<FlagView>,
}

/// An enrolment code, as the school's console lists it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// Number.
    pub code_no: i64,
    /// 20 hexadecimal digits.
    pub code: String,
    /// School.
    pub school_no: u32,
    /// The class that it is meant for; 0: any.
    pub class_no: u32,
    /// `issued`, `used`, `expired` or `revoked`.
    pub state: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// Account of the one who made it.
    pub creator: String,
    /// And the name.
    pub creator_name: String,
    /// When it was used.
    pub used_at: Option<String>,
    /// By which device.
    pub device_no: Option<i64>,
    /// With which address.
    pub mac: Option<String>,
}

/// What of a history is still to come after `today`.
pub fn to_come<T: Copy, U: ToSchema>(changes: &[Change<T>], today: Day, value: impl Fn(T) -> U) -> Vec<Upcoming<U>> {
    let first_holds_always = changes.first().map(|change| change.from_day);
    let later = changes.iter().filter(|change| change.from_day > today && Some(change.from_day) != first_holds_always);
    later.map(|change| Upcoming { from_day: change.from_day.to_string(), value: value(change.value) }).collect()
}

/// The place of a day.
#[must_use]
pub fn place_on(places: &[Change<super::model::Place>], day: Day) -> PlaceView {
    let place = in_force(places, day);
    PlaceView { school_no: place.map_or(0, |place| place.school_no), class_no: place.map_or(0, |place| place.class_no) }
}
