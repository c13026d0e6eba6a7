//! The catalogue of figures (METRICS sections 3, 4 and 10): ids as in CONTRACT section 7, names, units, formulas.

use crate::event::wire_enum;

wire_enum! {
    /// A figure of the query API.
    FigureId {
        /// 日使用率
        UsageRate = "usage_rate",
        /// 班级使用率
        ClassUsageRate = "class_usage_rate",
        /// 学校使用率
        SchoolUsageRate = "school_usage_rate",
        /// 开机率
        PowerOnRate = "power_on_rate",
        /// 在线率
        OnlineRate = "online_rate",
        /// 上报率
        ReportingRate = "reporting_rate",
        /// 课时使用率
        LessonUsageRate = "lesson_usage_rate",
        /// 7 日活跃率
        Active7Rate = "active7_rate",
        /// 30 日活跃率
        Active30Rate = "active30_rate",
        /// 台均使用时长（在用设备）
        AvgActiveS = "avg_active_s",
        /// 台均使用时长（上报设备）
        AvgActiveSReporting = "avg_active_s_reporting",
        /// 台均开机时长
        AvgOnS = "avg_on_s",
        /// 当前在线
        OnlineNow = "online_now",
        /// 网络达标率
        NetworkPassRate = "network_pass_rate",
        /// 网络可判定比例
        NetworkKnownShare = "network_known_share",
        /// 时延中位数
        LatencyP50 = "latency_p50",
        /// 时延 90 分位
        LatencyP90 = "latency_p90",
        /// 时延 99 分位
        LatencyP99 = "latency_p99",
        /// 抖动中位数
        JitterP50 = "jitter_p50",
        /// 抖动 90 分位
        JitterP90 = "jitter_p90",
        /// 抖动 99 分位
        JitterP99 = "jitter_p99",
        /// 丢包率
        LossRate = "loss_rate",
        /// 断网率
        OutageRate = "outage_rate",
    }
}

/// Where a figure's numbers come from; a query reads only the sources that its figures need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Numerators of `school_day`.
    Activity,
    /// The ten-minute curves of `school_day`.
    Curves,
    /// Counters of `school_network_day`.
    Network,
    /// The histograms of `school_network_day`.
    Histograms,
    /// Sets of devices with a session.
    Sessions,
    /// Times of receipt.
    Receipts,
}

/// What a figure's value is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share between 0 and 1.
    Ratio,
    /// Seconds a device-day.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    /// Its name in the catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Ratio => "ratio",
            Unit::Seconds => "s",
            Unit::Milliseconds => "ms",
        }
    }
}

/// What the catalogue says of a figure.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Unit of `value`.
    pub unit: Unit,
    /// Numerator over denominator in words; percentiles: how they are read.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: Source,
}

/// A percentile read from a summed histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// Of jitter; else of latency.
    pub jitter: bool,
    /// The share in thousandths: 500, 900, 990.
    pub permille: u64,
}

impl FigureId {
    /// Its entry in the catalogue.
    #[must_use]
    pub const fn entry(self) -> Entry {
        use FigureId as F;
        match self {
            F::UsageRate => {
                ratio("使用率", "usage rate", "used device-days / in-service device-days", Source::Activity)
            }
            F::ClassUsageRate => ratio(
                "班级使用率",
                "class usage rate",
                "class-days with at least one used device / class-days with a device in service",
                Source::Activity,
            ),
            F::SchoolUsageRate => ratio(
                "学校使用率",
                "school usage rate",
                "school-days with at least one used device / school-days with a device in service",
                Source::Activity,
            ),
            F::PowerOnRate => ratio(
                "开机率",
                "power-on rate",
                "device-days on for at least 5 min / in-service device-days",
                Source::Activity,
            ),
            F::OnlineRate => ratio(
                "在线率",
                "online rate",
                "ten-minute slots on within 07:30-18:00 / 63 x in-service device-days",
                Source::Curves,
            ),
            F::ReportingRate => ratio(
                "上报率",
                "reporting rate",
                "device-days with at least one activity event / in-service device-days",
                Source::Activity,
            ),
            F::LessonUsageRate => ratio(
                "课时使用率",
                "lesson usage rate",
                "lessons in use / in-service devices x timetabled lessons",
                Source::Activity,
            ),
            F::Active7Rate => ratio(
                "7日活跃率",
                "active in 7 days",
                "devices with a session in the 7 calendar days ending with `to` / devices in service on `to`",
                Source::Sessions,
            ),
            F::Active30Rate => ratio(
                "30日活跃率",
                "active in 30 days",
                "devices with a session in the 30 calendar days ending with `to` / devices in service on `to`",
                Source::Sessions,
            ),
            F::AvgActiveS => seconds(
                "台均使用时长",
                "average active time per in-service device",
                "active seconds of in-service devices / in-service device-days",
            ),
            F::AvgActiveSReporting => seconds(
                "上报设备台均使用时长",
                "average active time per reporting device",
                "active seconds of in-service devices / reporting device-days",
            ),
            F::AvgOnS => seconds(
                "台均开机时长",
                "average on-time per in-service device",
                "on seconds of in-service devices / in-service device-days",
            ),
            F::OnlineNow => ratio(
                "当前在线率",
                "online now",
                "in-service devices whose last heartbeat was received within 2 heartbeats + 1 min / devices in service today; where `to` is not today: no value (`no_data`)",
                Source::Receipts,
            ),
            F::NetworkPassRate => ratio(
                "网络达标率",
                "network compliance rate",
                "device-days with verdict pass / in-service device-days (pass + fail + unknown)",
                Source::Network,
            ),
            F::NetworkKnownShare => ratio(
                "网络可判定比例",
                "network known share",
                "device-days with verdict pass or fail / in-service device-days",
                Source::Network,
            ),
            F::LatencyP50 => percentile("时延中位数", "median latency"),
            F::LatencyP90 => percentile("时延90分位", "latency, 90th percentile"),
            F::LatencyP99 => percentile("时延99分位", "latency, 99th percentile"),
            F::JitterP50 => percentile("抖动中位数", "median jitter"),
            F::JitterP90 => percentile("抖动90分位", "jitter, 90th percentile"),
            F::JitterP99 => percentile("抖动99分位", "jitter, 99th percentile"),
            F::LossRate => ratio("丢包率", "loss rate", "probes lost / probes sent, idle bursts", Source::Network),
            F::OutageRate => {
                ratio("断网率", "outage rate", "outage bursts / (valid + outage + partial bursts)", Source::Network)
            }
        }
    }

    /// The percentile it is; none for rates and averages.
    #[must_use]
    pub const fn percentile(self) -> Option<Percentile> {
        use FigureId as F;
        let (jitter, permille) = match self {
            F::LatencyP50 => (false, 500),
            F::LatencyP90 => (false, 900),
            F::LatencyP99 => (false, 990),
            F::JitterP50 => (true, 500),
            F::JitterP90 => (true, 900),
            F::JitterP99 => (true, 990),
            _ => return None,
        };
        Some(Percentile { jitter, permille })
    }
}

const fn ratio(name_zh: &'static str, name_en: &'static str, formula: &'static str, source: Source) -> Entry {
    Entry { name_zh, name_en, unit: Unit::Ratio, formula, source }
}

const fn seconds(name_zh: &'static str, name_en: &'static str, formula: &'static str) -> Entry {
    Entry { name_zh, name_en, unit: Unit::Seconds, formula, source: Source::Activity }
}

const fn percentile(name_zh: &'static str, name_en: &'static str) -> Entry {
    let formula =
        "rank ceil(p n) of the summed histogram of idle bursts, linear within a bucket (approximate); den: bursts";
    Entry { name_zh, name_en, unit: Unit::Milliseconds, formula, source: Source::Histograms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_the_figures_of_the_contract_in_its_order() {
        let contract = "usage_rate class_usage_rate school_usage_rate power_on_rate online_rate reporting_rate \
            lesson_usage_rate active7_rate active30_rate avg_active_s avg_active_s_reporting avg_on_s online_now \
            network_pass_rate network_known_share latency_p50 latency_p90 latency_p99 jitter_p50 jitter_p90 jitter_p99 \
            loss_rate outage_rate";
        let ids: Vec<&str> = FigureId::ALL.iter().map(|id| id.as_str()).collect();
        assert_eq!(ids, contract.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn percentiles_are_exactly_the_figures_read_from_histograms() {
        for id in FigureId::ALL {
            assert_eq!(id.percentile().is_some(), id.entry().source == Source::Histograms, "{}", id.as_str());
            assert!(!id.entry().name_zh.is_empty() && !id.entry().formula.is_empty());
        }
    }
}
