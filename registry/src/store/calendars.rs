//! Calendars of areas and schools, as the console keeps them.

use super::change::Entry;
use super::{Actor, Store, StoreError, orgs, schools};
use crate::logic::belonging::effective_day;
use crate::logic::calendar::{CalendarForm, shown};
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::store::Connection;
use schemas::org::{AreaLevel, OrgId, area_level};
use schemas::registry::CalendarSpan;

pub(super) async fn spans(tx: &mut Connection, org: OrgId) -> Result<Vec<CalendarSpan>, StoreError> {
    let id = org.to_string();
    Ok(orgs::calendar_of(tx, &id).await?.remove(&id).unwrap_or_default())
}

impl Store {
    /// The calendar of an area or school, without those above it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn calendar(&self, org: OrgId) -> Result<CalendarForm, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(shown(&spans(&mut connection, org).await?))
    }

    /// Replaces a calendar, from the next midnight on (after 23:00: the one after).
    ///
    /// # Errors
    /// Values that cannot be accepted, days that have begun, or a change in between.
    pub async fn set_calendar(
        &self,
        actor: &Actor,
        org: OrgId,
        expected: &Expected,
        form: &CalendarForm,
    ) -> Result<CalendarForm, StoreError> {
        let mut change = self.change(actor).await?;
        let before = spans(change.tx(), org).await?;
        expected.check(&shown(&before))?;
        let opens = matches!(org, OrgId::Area(code) if area_level(code) == AreaLevel::Province);
        let after = form.check(&before, opens, effective_day(actor.at_ms))?;
        write(change.tx(), org, &after).await?;
        let node = match org {
            OrgId::School(no) => schools::school_node(change.tx(), no, actor.at_ms).await?,
            OrgId::Area(code) => Node::Area(code),
            OrgId::Class(no) => return Err(super::absent("calendar of class", no)),
        };
        let (before, after) = (shown(&before), shown(&after));
        let (action, object) = ("calendar.edit", org.to_string());
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        match org {
            OrgId::School(no) => change.tell_school(no).await?,
            OrgId::Area(code) | OrgId::Class(code) => change.tell_area(code).await?,
        }
        change.commit().await?;
        Ok(after)
    }
}

pub(super) async fn write(tx: &mut Connection, org: OrgId, spans: &[CalendarSpan]) -> Result<(), StoreError> {
    let id = org.to_string();
    sqlx::query("DELETE FROM calendar_spans WHERE org_id = $1").bind(&id).execute(&mut *tx).await?;
    for span in spans {
        let sql = "INSERT INTO calendar_spans (org_id, from_day, until_day, school_day, name, provisional) VALUES ($1, $2, $3, $4, $5, $6)";
        let insert = sqlx::query(sql).bind(&id).bind(span.from_day.0).bind(span.until_day.0);
        insert.bind(span.school_day).bind(&span.name).bind(span.provisional).execute(&mut *tx).await?;
    }
    Ok(())
}
