//! `/v1/orgs/{id}/…`: figures of areas and schools.

use super::answers::{FigureMap, Network, Point, RankedUnit, Ranking, Trend, Unit, Units, UnrankedUnit};
use super::docs::{DayQuery, Faults, FiguresQuery, OrgPath, PageQuery};
use super::inbound::{Inbound, Question};
use super::problem::{Problem, require};
use super::respond::{Answer, meta, respond};
use super::tables;
use super::{Api, answers};
use crate::logic::cursor::Key;
use crate::logic::figures::{Figure, Reason};
use crate::logic::order::{Figures, Page, page};
use crate::logic::params::{ParamFault, Route};
use crate::logic::plan::Grouping;
use crate::logic::ranking::{Limits, Unranked, unranked};
use crate::logic::tree::{Org, Target};
use crate::logic::units::{self, Facts};
use crate::source::facts::{Read, UnitQuestion};
use crate::source::refresh::Known;
use axum::extract::State;
use axum::response::Response;
use schemas::figures::FigureId;
use schemas::org::OrgId;
use schemas::time::Day;
use std::sync::Arc;

/// A question about a unit, with what was read for it.
struct Asked {
    inbound: Inbound,
    question: Question,
    known: Known,
    org: Org,
    target: Target,
    read: Arc<Read>,
}

impl Asked {
    async fn read(api: &Api, inbound: Inbound, route: Route, grouping: Grouping) -> Result<Asked, Problem> {
        let question = inbound.question(api, route)?;
        let known = api.known()?;
        let id = OrgId::parse(inbound.place()?).ok_or(Problem::NotFound)?;
        let (access, target) = known.tree.access(&inbound.caller.scope, id);
        require(access)?;
        let target = target.ok_or(Problem::NotFound)?;
        let asked = UnitQuestion {
            scope: inbound.caller.scope.clone(),
            target,
            days: (question.params.from, question.params.to),
            grouping,
            figures: question.params.figures.clone(),
            today: question.now.today,
        };
        let read = known.readers.sources.ask(asked, question.now, question.ids.clone()).await?;
        let org = known.tree.org(id, 0);
        Ok(Asked { inbound, question, known, org, target, read })
    }

    fn meta(&self) -> answers::Meta {
        let facts = &self.read.facts;
        meta(&self.question, &self.known, &facts.calendar, &facts.whole, &self.read.ids)
    }

    fn own(&self) -> Unit {
        let facts = &self.read.facts;
        let figures = units::figures(&self.question.params.figures, &facts.whole, &facts.calendar);
        Unit { org: self.org.clone(), figures: FigureMap(figures) }
    }

    /// What a cursor is bound to.
    fn list(&self) -> String {
        let params = &self.question.params;
        format!("{}|{}|{}|{:?}", self.inbound.path, params.from, params.to, params.order)
    }

    fn after(&self, api: &Api) -> Result<Option<Key>, Problem> {
        open_cursor(api, &self.list(), self.question.params.cursor.as_deref())
    }

    fn page<T>(&self, api: &Api, rows: Vec<(Key, T)>) -> Result<(Page<T>, Option<String>), Problem> {
        let params = &self.question.params;
        let descending = params.order.is_some_and(|order| order.descending);
        let page = page(rows, self.after(api)?.as_ref(), params.page_size, descending);
        let next = page.next.as_ref().map(|key| api.signer.sign(&self.list(), key));
        Ok((page, next))
    }
}

/// A unit with what keeps it from being ranked.
type Judged = (Org, Figures, Option<Unranked>);

/// Reads a cursor of the list `list`.
pub(super) fn open_cursor(api: &Api, list: &str, cursor: Option<&str>) -> Result<Option<Key>, Problem> {
    let open = |cursor| api.signer.open(list, cursor);
    let fault = ParamFault { name: "cursor".into(), detail: "does not belong to this request" };
    cursor.map(open).transpose().map_err(|_| Problem::Parameter(fault))
}

/// Figures of a unit
///
/// The unit itself; `direct` and `children` are empty.
#[utoipa::path(get, path = "/v1/orgs/{id}/overview", tag = "orgs", security(("token" = [])),
    params(OrgPath, DayQuery, FiguresQuery), responses((status = 200, description = "figures", body = Units), Faults))]
pub async fn overview(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let asked = Asked::read(&api, inbound, Route::Overview, Grouping::Whole).await?;
    let answer = Units { meta: asked.meta(), own: asked.own(), direct: Vec::new(), children: Vec::new(), next: None };
    asked.respond(&api, &answer, None, || tables::units(&answer, asked.wanted()))
}

/// Figures of the units right below
///
/// Schools that the area manages directly, then the next lower areas; one cursor runs through both.
#[utoipa::path(get, path = "/v1/orgs/{id}/children", tag = "orgs", security(("token" = [])),
    params(OrgPath, DayQuery, FiguresQuery, PageQuery),
    responses((status = 200, description = "figures", body = Units), Faults))]
pub async fn children(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let asked = Asked::read(&api, inbound, Route::Children, Grouping::Units).await?;
    let params = &asked.question.params;
    let below = units::units(&asked.known.tree, asked.target, &asked.read.facts);
    let rows = units::rows(below, &params.figures, &asked.read.facts.calendar, params.order);
    let (page, next) = asked.page(&api, rows)?;
    let mut answer = Units { meta: asked.meta(), own: asked.own(), direct: Vec::new(), children: Vec::new(), next };
    for (key, (org, figures)) in page.rows {
        let list = if key.section == 0 { &mut answer.direct } else { &mut answer.children };
        list.push(Unit { org, figures: FigureMap(figures) });
    }
    asked.respond(&api, &answer, answer.next.as_deref(), || tables::units(&answer, asked.wanted()))
}

/// Figures by day
///
/// Every day of the range; days without school have no values (`not_school_day`).
#[utoipa::path(get, path = "/v1/orgs/{id}/trend", tag = "orgs", security(("token" = [])),
    params(OrgPath, DayQuery, FiguresQuery), responses((status = 200, description = "figures by day", body = Trend), Faults))]
pub async fn trend(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let asked = Asked::read(&api, inbound, Route::Trend, Grouping::Days).await?;
    let params = &asked.question.params;
    let points = (params.from.0..=params.to.0).map(|day| point(&asked.read.facts, &params.figures, Day(day)));
    let answer = Trend { meta: asked.meta(), org: asked.org.clone(), points: points.collect() };
    asked.respond(&api, &answer, None, || tables::trend(&answer, asked.wanted()))
}

fn point(facts: &Facts, wanted: &[FigureId], day: Day) -> Point {
    let school_day = facts.calendar.is_school_day(day);
    let figures: Figures = if school_day {
        let sums = facts.days.get(&day.0).copied().unwrap_or_default();
        units::figures(wanted, &sums, &facts.calendar)
    } else {
        wanted.iter().map(|id| (*id, Figure::absent(*id, Reason::NotSchoolDay))).collect()
    };
    Point { day: day.to_string(), school_day, figures: FigureMap(figures) }
}

/// Network figures and histograms
#[utoipa::path(get, path = "/v1/orgs/{id}/network", tag = "orgs", security(("token" = [])),
    params(OrgPath, DayQuery, FiguresQuery), responses((status = 200, description = "figures and histograms", body = Network), Faults))]
pub async fn network(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let asked = Asked::read(&api, inbound, Route::Network, Grouping::Whole).await?;
    let sums = &asked.read.facts.whole.network;
    let (latency_hist, jitter_hist) = (sums.latency.to_vec(), sums.jitter.to_vec());
    let Unit { org, figures } = asked.own();
    let answer = Network { meta: asked.meta(), org, figures, latency_hist, jitter_hist };
    asked.respond(&api, &answer, None, || tables::network(&answer, asked.wanted()))
}

/// The units right below, ranked
///
/// Direct schools and next lower areas together, by the figure in `order` (`-usage_rate` unless asked otherwise);
/// units with a denominator below 5 or a reporting rate below 50 % are listed apart. One cursor runs through `rows`,
/// then `unranked`.
#[utoipa::path(get, path = "/v1/orgs/{id}/ranking", tag = "orgs", security(("token" = [])),
    params(OrgPath, DayQuery, FiguresQuery, PageQuery),
    responses((status = 200, description = "units by rank", body = Ranking), Faults))]
pub async fn ranking(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let asked = Asked::read(&api, inbound, Route::Ranking, Grouping::Units).await?;
    let (page, next) = asked.page(&api, asked.ranked())?;
    let mut answer =
        Ranking { meta: asked.meta(), org: asked.org.clone(), rows: Vec::new(), unranked: Vec::new(), next };
    for (at, (_, (org, figures, reason))) in page.rows.into_iter().enumerate() {
        let figures = FigureMap(figures);
        match reason {
            None => answer.rows.push(RankedUnit { rank: (page.before + at + 1) as u64, org, figures }),
            Some(reason) => answer.unranked.push(UnrankedUnit { org, figures, reason }),
        }
    }
    asked.respond(&api, &answer, answer.next.as_deref(), || tables::ranking(&answer, asked.wanted()))
}

impl Asked {
    fn wanted(&self) -> &[FigureId] {
        &self.question.params.figures
    }

    fn respond<J: serde::Serialize>(
        &self,
        api: &Api,
        json: &J,
        next: Option<&str>,
        table: impl FnOnce() -> crate::logic::table::Table,
    ) -> Result<Response, Problem> {
        let answer = Answer { json, version: self.read.version, next };
        respond(api, &self.inbound, &self.question, &self.known, &answer, table)
    }

    /// The units below: ranked ones in section 0, the others in section 1.
    fn ranked(&self) -> Vec<(Key, Judged)> {
        let (params, definitions) = (&self.question.params, &self.known.readers.definitions);
        let limits = Limits {
            min_den: definitions.ranking_min_den,
            min_reporting_percent: definitions.ranking_min_reporting_percent,
        };
        let row = |unit: units::Unit| {
            let figures = units::figures(&params.figures, &unit.sums, &self.read.facts.calendar);
            let by = params.order.and_then(|order| figures.iter().find(|(id, _)| *id == order.figure));
            let reason = by.and_then(|(_, figure)| unranked(figure, &unit.sums, limits));
            let key = crate::logic::order::key(u8::from(reason.is_some()), &figures, params.order, unit.code);
            (key, (unit.org, figures, reason))
        };
        units::units(&self.known.tree, self.target, &self.read.facts).into_iter().map(row).collect()
    }
}
