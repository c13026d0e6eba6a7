//! Reads query parameters: strictly, so that a misspelt parameter is an error and not a silent default.

use schemas::figures::{FigureId, Source};
use schemas::time::Day;

/// The longest range, in days.
pub const MAX_DAYS: i32 = 400;
/// Days in the default range, which ends with `to`.
pub const DEFAULT_DAYS: i32 = 30;
/// The largest page.
pub const MAX_PAGE: usize = 1000;
/// Rows in a page unless asked otherwise.
pub const DEFAULT_PAGE: usize = 500;
/// The longest search, in characters.
pub const MAX_QUERY_CHARS: usize = 64;

/// The kinds of answers, by the parameters that they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `overview`
    Overview,
    /// `children`
    Children,
    /// `trend`
    Trend,
    /// `network`
    Network,
    /// `ranking`
    Ranking,
    /// `devices` of a school
    Devices,
    /// `days` of a device
    Days,
    /// `sessions` of a device
    Sessions,
    /// `search`
    Search,
    /// `catalog`
    Catalog,
}

impl Route {
    /// The parameters that this route takes: the contract's own on every route, so that a client may send one set to
    /// all of them (they are checked everywhere, and ignored where an answer has no use for them), and `q` to search.
    #[must_use]
    pub const fn allowed(self) -> &'static [&'static str] {
        match self {
            Route::Search => &["from", "to", "figures", "order", "page_size", "cursor", "q"],
            _ => &["from", "to", "figures", "order", "page_size", "cursor"],
        }
    }

    /// The figures of an answer whose request names none. The overview has them all; lists leave out those that read
    /// sets of devices, and the network answer has those of the network.
    #[must_use]
    pub fn default_figures(self) -> Vec<FigureId> {
        let wanted = |id: &FigureId| {
            let source = id.entry().source;
            match self {
                Route::Network => matches!(source, Source::Network | Source::Histograms),
                Route::Overview => true,
                _ => !matches!(source, Source::Sessions | Source::Receipts),
            }
        };
        FigureId::ALL.iter().copied().filter(wanted).collect()
    }
}

/// `order=-usage_rate`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By this figure.
    pub figure: FigureId,
    /// Highest first.
    pub descending: bool,
}

/// The parameters of a request, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// First day.
    pub from: Day,
    /// Last day, at most today.
    pub to: Day,
    /// The figures wanted, each once.
    pub figures: Vec<FigureId>,
    /// How rows are ordered; none: by code.
    pub order: Option<Order>,
    /// Rows in a page.
    pub page_size: usize,
    /// Where to go on.
    pub cursor: Option<String>,
    /// What is searched.
    pub q: Option<String>,
}

/// A parameter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {detail}")]
pub struct ParamFault {
    /// The parameter, as it was sent (cut to 64 characters).
    pub name: String,
    /// What is wrong with it.
    pub detail: &'static str,
}

/// Reads the query string of a request that arrives on the local day `today`.
///
/// # Errors
/// The first parameter that is unknown on this route, repeated, not UTF-8, or has a value out of its range.
pub fn parse(route: Route, query: &str, today: Day) -> Result<Params, ParamFault> {
    let given = pairs(route, query)?;
    let get = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let (from, to) = range(get("from"), get("to"), today)?;
    let order = get("order").map(order).transpose()?.or_else(|| default_order(route));
    let mut figures = get("figures").map_or_else(|| Ok(route.default_figures()), figures)?;
    figures.extend(order.map(|order| order.figure).filter(|id| !figures.contains(id)));
    let page_size = get("page_size").map_or(Ok(DEFAULT_PAGE), page_size)?;
    let cursor = get("cursor").map(str::to_owned);
    let q = get("q").map(search_text).transpose()?;
    if route == Route::Search && q.is_none() {
        return Err(fault("q", "is required"));
    }
    Ok(Params { from, to, figures, order, page_size, cursor, q })
}

fn default_order(route: Route) -> Option<Order> {
    (route == Route::Ranking).then_some(Order { figure: FigureId::UsageRate, descending: true })
}

/// The given parameters, decoded; each is known and stands once.
fn pairs(route: Route, query: &str) -> Result<Vec<(String, String)>, ParamFault> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name).ok_or_else(|| fault(name, "is not UTF-8"))?;
        if !route.allowed().contains(&name.as_str()) {
            return Err(fault(&name, "is not known here"));
        }
        if found.iter().any(|(given, _)| *given == name) {
            return Err(fault(&name, "stands more than once"));
        }
        let value = decode(value).ok_or_else(|| fault(&name, "is not UTF-8"))?;
        found.push((name, value));
    }
    Ok(found)
}

fn fault(name: &str, detail: &'static str) -> ParamFault {
    ParamFault { name: name.chars().take(64).collect(), detail }
}

/// `application/x-www-form-urlencoded`; a percent sign that begins no byte stands for itself.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|pair| Some(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?));
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn range(from: Option<&str>, to: Option<&str>, today: Day) -> Result<(Day, Day), ParamFault> {
    let to = to.map_or(Ok(today), |text| day("to", text))?;
    if to > today {
        return Err(fault("to", "is after today"));
    }
    let from = from.map_or(Ok(to.plus(1 - DEFAULT_DAYS).max(Day(0))), |text| day("from", text))?;
    if from > to {
        return Err(fault("from", "is after `to`"));
    }
    if to.0 - from.0 >= MAX_DAYS {
        return Err(fault("from", "is 400 days or more before `to`"));
    }
    Ok((from, to))
}

fn day(name: &'static str, text: &str) -> Result<Day, ParamFault> {
    let day = Day::parse(text).ok_or_else(|| fault(name, "is not a date such as 2026-11-20"))?;
    if (Day(0)..Day::OPEN).contains(&day) { Ok(day) } else { Err(fault(name, "is out of range")) }
}

fn figures(text: &str) -> Result<Vec<FigureId>, ParamFault> {
    let mut figures = Vec::new();
    for name in text.split(',') {
        let id = FigureId::parse(name).ok_or_else(|| fault("figures", "names an unknown figure; see /v1/catalog"))?;
        if !figures.contains(&id) {
            figures.push(id);
        }
    }
    Ok(figures)
}

fn order(text: &str) -> Result<Order, ParamFault> {
    let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    let figure = FigureId::parse(name).ok_or_else(|| fault("order", "names an unknown figure; see /v1/catalog"))?;
    Ok(Order { figure, descending })
}

fn page_size(text: &str) -> Result<usize, ParamFault> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let size = if plain { text.parse().ok() } else { None };
    size.filter(|size| (1..=MAX_PAGE).contains(size))
        .ok_or_else(|| fault("page_size", "is not a number from 1 to 1000"))
}

fn search_text(text: &str) -> Result<String, ParamFault> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX_QUERY_CHARS {
        return Err(fault("q", "has 1 to 64 characters"));
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
#[path = "params/tests.rs"]
mod tests;
