//! The JSON shapes of CONTRACT section 7.

use crate::logic::figures::Figure;
use crate::logic::order::Figures;
use crate::logic::ranking::Unranked;
use crate::logic::sessions::Session;
use crate::logic::tree::{Hit, Org};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Figures by id.
#[derive(Clone, Debug, ToSchema)]
#[schema(as = Figures, value_type = std::collections::BTreeMap<String, Figure>)]
pub struct FigureMap(pub Figures);

impl Serialize for FigureMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, figure) in &self.0 {
            map.serialize_entry(id.as_str(), figure)?;
        }
        map.end()
    }
}

/// Reporting device-days over in-service device-days of the answer's range.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Coverage {
    /// `num / den`; null where `den` is 0.
    #[schema(required)]
    pub value: Option<f64>,
    /// Reporting device-days.
    pub num: u64,
    /// In-service device-days.
    pub den: u64,
}

/// What an answer rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Meta {
    /// First local day, inclusive.
    pub from: String,
    /// Last local day, inclusive.
    pub to: String,
    /// Days of the range that are a school day, for an area: for any of its schools.
    pub school_days: u64,
    /// Latest receipt of an event in the tables, RFC 3339; null before the first.
    #[schema(required)]
    pub data_as_of: Option<String>,
    /// Publication state: `live`.
    pub state: &'static str,
    /// Version of the definitions.
    pub definition_version: String,
    /// How much of the range is covered by reports.
    pub coverage: Coverage,
    /// Names the statements of the answer: their ids in ClickHouse are this one or begin with it. What is kept in
    /// memory needs no statement, and who asked the same at the same time shares them.
    pub query_id: String,
    /// Some days rest on a calendar that is not official yet.
    pub provisional: bool,
}

/// A unit with its figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Unit {
    /// Who.
    pub org: Org,
    /// By figure id.
    pub figures: FigureMap,
}

/// `overview` and `children`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Units {
    /// What it rests on.
    pub meta: Meta,
    /// The unit itself.
    #[serde(rename = "self")]
    pub own: Unit,
    /// Schools that the area manages directly; of a county: its schools. Empty in an overview.
    pub direct: Vec<Unit>,
    /// The next lower areas. Empty in an overview, and for a county or a school.
    pub children: Vec<Unit>,
    /// Cursor of the next page.
    #[schema(required)]
    pub next: Option<String>,
}

/// A day of a trend.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Point {
    /// Local day.
    pub day: String,
    /// It is a school day for any school of the unit.
    pub school_day: bool,
    /// By figure id; without value on other days.
    pub figures: FigureMap,
}

/// `trend`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trend {
    /// What it rests on.
    pub meta: Meta,
    /// Who.
    pub org: Org,
    /// Every day of the range.
    pub points: Vec<Point>,
}

/// `network`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Network {
    /// What it rests on.
    pub meta: Meta,
    /// Who.
    pub org: Org,
    /// By figure id.
    pub figures: FigureMap,
    /// Idle bursts by latency; edges are in the catalogue.
    #[schema(min_items = 22, max_items = 22)]
    pub latency_hist: Vec<u64>,
    /// Idle bursts by jitter.
    #[schema(min_items = 22, max_items = 22)]
    pub jitter_hist: Vec<u64>,
}

/// A ranked unit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RankedUnit {
    /// From 1, over all pages.
    pub rank: u64,
    /// Who.
    pub org: Org,
    /// By figure id.
    pub figures: FigureMap,
}

/// A unit that is listed apart.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnrankedUnit {
    /// Who.
    pub org: Org,
    /// By figure id.
    pub figures: FigureMap,
    /// Why it has no rank.
    pub reason: Unranked,
}

/// `ranking`: the units right below, by the figure in `order`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Ranking {
    /// What it rests on.
    pub meta: Meta,
    /// Of whom.
    pub org: Org,
    /// By rank.
    pub rows: Vec<RankedUnit>,
    /// After all ranked ones.
    pub unranked: Vec<UnrankedUnit>,
    /// Cursor of the next page; it runs through `rows`, then `unranked`.
    #[schema(required)]
    pub next: Option<String>,
}

/// A device as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Device {
    /// Number.
    pub device_no: u32,
    /// Identity in tokens.
    #[schema(value_type = String, format = "uuid")]
    pub device_id: uuid::Uuid,
    /// Class; 0: none.
    pub class_no: u32,
    /// `all_in_one`, `whiteboard`, `projector_pc` or `other`.
    pub kind: &'static str,
    /// `enrolled`, `in_service`, `suspended` or `retired`.
    pub state: &'static str,
}

/// A device with its figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeviceUnit {
    /// Who.
    pub device: Device,
    /// By figure id: over the days that it was in service in this school.
    pub figures: FigureMap,
}

/// `devices` of a school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Devices {
    /// What it rests on.
    pub meta: Meta,
    /// Devices that are in the school now.
    pub rows: Vec<DeviceUnit>,
    /// Cursor of the next page.
    #[schema(required)]
    pub next: Option<String>,
}

/// A day of a device. Without activity row all but `day`, `in_service` and `verdict` are null: missing is never zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayRow {
    /// Local day.
    pub day: String,
    /// 1: it counts.
    pub in_service: u8,
    /// On-time, seconds.
    #[schema(required)]
    pub on_s: Option<u32>,
    /// Active time, seconds.
    #[schema(required)]
    pub active_s: Option<u32>,
    /// Number of sessions.
    #[schema(required)]
    pub sessions: Option<u16>,
    /// 1: active for at least 10 min.
    #[schema(required)]
    pub used: Option<u8>,
    /// Bit i: lesson i+1 in use.
    #[schema(required)]
    pub lessons: Option<u8>,
    /// First second on, seconds after local midnight.
    #[schema(required)]
    pub first_s: Option<u32>,
    /// Last second on.
    #[schema(required)]
    pub last_s: Option<u32>,
    /// `pass`, `fail` or `unknown`.
    pub verdict: &'static str,
}

/// `days` of a device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Days {
    /// What it rests on.
    pub meta: Meta,
    /// Who.
    pub device: Device,
    /// Days with data.
    pub rows: Vec<DayRow>,
}

/// `sessions` of a device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// What it rests on.
    pub meta: Meta,
    /// Who.
    pub device: Device,
    /// By time.
    pub rows: Vec<Session>,
}

/// `search`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Search {
    /// Best first.
    pub rows: Vec<Hit>,
}

/// A figure's entry in the catalogue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CatalogFigure {
    /// Id.
    pub id: &'static str,
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// `ratio`, `s` or `ms`.
    pub unit: &'static str,
    /// Numerator over denominator, in words.
    pub formula: &'static str,
    /// Interpolated within a bucket.
    pub approximate: bool,
    /// Rows it is given for: `org`, `day`, `device`.
    pub dimensions: Vec<&'static str>,
}

/// `catalog`: the closed list of what can be asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Catalog {
    /// Version of the definitions.
    pub definition_version: String,
    /// Figures.
    pub figures: Vec<CatalogFigure>,
    /// By what figures are given.
    pub dimensions: Vec<Dimension>,
    /// Lower edges of the histogram buckets, ms; the last bucket is open.
    pub histogram_edges_ms: Vec<u32>,
}

/// A dimension of figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dimension {
    /// Id.
    pub id: &'static str,
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Name in English.
    pub name_en: &'static str,
}
