//! Areas and groups of areas.

use super::change::{Entry, take_number};
use super::{Actor, Store, StoreError, absent, corrupt, number, orgs};
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::forms::{AreaEdit, AreaForm, AreaProfile, GroupForm, from_day};
use crate::logic::model::Division;
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::logic::views::{AreaView, GroupView};
use crate::store::Connection;
use crate::store::Database;
use schemas::org::{AreaLevel, area_level, area_range};
use schemas::registry::Level;
use schemas::time::{Day, format_rfc3339_ms};
use std::collections::BTreeMap;

/// What is kept of an area beside what every program knows of it.
#[derive(sqlx::FromRow)]
struct Kept {
    code: i64,
    valid_from_day: Option<i32>,
    valid_until_day: Option<i32>,
    two_person: bool,
    profile: Option<String>,
    updated_at_ms: i64,
    updated_by: String,
}

fn view(division: Division, kept: Kept) -> Result<AreaView, StoreError> {
    let profile = kept.profile.as_deref().map(serde_json::from_str::<AreaProfile>).transpose();
    let profile = profile.map_err(|_| corrupt("divisions.profile", division.code.to_string()))?;
    Ok(AreaView {
        code: division.code,
        name: division.name,
        level: division.level,
        parent: division.parent,
        batch: division.batch,
        batch_start: division.window.map(|(start, _)| start.to_string()),
        batch_end: division.window.map(|(_, end)| end.to_string()),
        pilot: division.pilot,
        two_person: kept.two_person,
        valid_from: kept.valid_from_day.map(|day| Day(day).to_string()),
        valid_until: kept.valid_until_day.map(|day| Day(day).to_string()),
        initialised: profile.is_some(),
        profile,
        updated_at: (kept.updated_at_ms > 0).then(|| format_rfc3339_ms(kept.updated_at_ms)),
        updated_by: kept.updated_by,
    })
}

async fn all(tx: &mut Connection) -> Result<Vec<AreaView>, StoreError> {
    let sql = "SELECT code, valid_from_day, valid_until_day, two_person, profile, updated_at_ms, updated_by FROM divisions ORDER BY code";
    let kept: Vec<Kept> = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
    let mut kept: BTreeMap<i64, Kept> = kept.into_iter().map(|row| (row.code, row)).collect();
    // Two looks: an area that came in between is not shown yet.
    let both = |division: Division| Some((kept.remove(&i64::from(division.code))?, division));
    let areas: Vec<_> = orgs::divisions(tx).await?.into_iter().filter_map(both).collect();
    areas.into_iter().map(|(kept, division)| view(division, kept)).collect()
}

async fn require_area(tx: &mut Connection, code: u32) -> Result<AreaView, StoreError> {
    all(tx).await?.into_iter().find(|area| area.code == code).ok_or_else(|| absent("area", code))
}

impl Store {
    /// An area.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn area(&self, code: u32) -> Result<AreaView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        require_area(&mut connection, code).await
    }

    /// The areas right below one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn areas_below(&self, code: u32) -> Result<Vec<AreaView>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut areas = all(&mut connection).await?;
        areas.retain(|area| area.parent == Some(code));
        Ok(areas)
    }

    /// Adds an area right below another.
    ///
    /// # Errors
    /// Values that cannot be accepted, or a code that is taken.
    pub async fn add_area(&self, actor: &Actor, above: u32, form: &AreaForm) -> Result<AreaView, StoreError> {
        form.check(above)?;
        let from = from_day(form.from_day.as_deref(), actor.at_ms)?;
        let mut change = self.change(actor).await?;
        require_area(change.tx(), above).await?;
        match require_area(change.tx(), form.code).await {
            Ok(_) => return Err(Conflict::Taken("code").into()),
            Err(StoreError::Absent { .. }) => {}
            Err(error) => return Err(error),
        }
        let level = if area_level(form.code) == AreaLevel::City { Level::City } else { Level::County };
        let sql = "INSERT INTO divisions (code, name, level, parent, batch, pilot, valid_from_day) VALUES ($1, $2, $3, $4, 0, FALSE, $5)";
        let insert = sqlx::query(sql).bind(form.code).bind(&form.name).bind(level.as_str()).bind(above).bind(from.0);
        insert.execute(change.tx()).await?;
        stamp(change.tx(), form.code, actor).await?;
        let after = require_area(change.tx(), form.code).await?;
        let (action, object, node) = ("area.add", form.code.to_string(), Node::Area(form.code));
        change.log(Entry { action, object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.tell_area(form.code).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Changes an area.
    ///
    /// # Errors
    /// No such area, values that cannot be accepted, an end while it has schools or areas, or a change in between.
    pub async fn edit_area(
        &self,
        actor: &Actor,
        code: u32,
        expected: &Expected,
        edit: &AreaEdit,
    ) -> Result<AreaView, StoreError> {
        let (window, until) = edit.check(actor.at_ms)?;
        let mut change = self.change(actor).await?;
        let before = require_area(change.tx(), code).await?;
        expected.check(&before)?;
        if let Some(until) = until {
            refuse_unless_empty(change.tx(), code, until).await?;
            write(change.tx(), "UPDATE divisions SET valid_until_day = $2 WHERE code = $1", code, until.0).await?;
        }
        if let Some((start, end)) = window {
            let sql = "UPDATE divisions SET batch_start_day = $2, batch_end_day = $3 WHERE code = $1";
            sqlx::query(sql).bind(code).bind(start.0).bind(end.0).execute(change.tx()).await?;
        }
        if let Some(name) = &edit.name {
            write(change.tx(), "UPDATE divisions SET name = $2 WHERE code = $1", code, name.clone()).await?;
        }
        if let Some(batch) = edit.batch {
            write(change.tx(), "UPDATE divisions SET batch = $2 WHERE code = $1", code, batch).await?;
        }
        if let Some(pilot) = edit.pilot {
            write(change.tx(), "UPDATE divisions SET pilot = $2 WHERE code = $1", code, pilot).await?;
        }
        if let Some(two_person) = edit.two_person {
            write(change.tx(), "UPDATE divisions SET two_person = $2 WHERE code = $1", code, two_person).await?;
        }
        stamp(change.tx(), code, actor).await?;
        let after = require_area(change.tx(), code).await?;
        let (action, object, node) = ("area.edit", code.to_string(), Node::Area(code));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.tell_area(code).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Keeps what an area's administrator tells of it.
    ///
    /// # Errors
    /// No such area, values that cannot be accepted, or a change in between.
    pub async fn set_area_profile(
        &self,
        actor: &Actor,
        code: u32,
        expected: &Expected,
        profile: &AreaProfile,
    ) -> Result<AreaView, StoreError> {
        profile.check()?;
        let mut change = self.change(actor).await?;
        let before = require_area(change.tx(), code).await?;
        expected.check(&before)?;
        // Texts and numbers always serialize.
        let text = serde_json::to_string(profile).unwrap_or_default();
        write(change.tx(), "UPDATE divisions SET profile = $2 WHERE code = $1", code, text).await?;
        stamp(change.tx(), code, actor).await?;
        let after = require_area(change.tx(), code).await?;
        let (action, object, node) = ("area.profile", code.to_string(), Node::Area(code));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }
}

/// Who changed an area, and when.
async fn stamp(tx: &mut Connection, code: u32, actor: &Actor) -> Result<(), StoreError> {
    let sql = "UPDATE divisions SET updated_at_ms = $2, updated_by = $3 WHERE code = $1";
    sqlx::query(sql).bind(code).bind(actor.at_ms).bind(&actor.name).execute(tx).await?;
    Ok(())
}

async fn write<T>(tx: &mut Connection, sql: &'static str, code: u32, value: T) -> Result<(), StoreError>
where
    T: for<'e> sqlx::Encode<'e, Database> + sqlx::Type<Database> + Send + 'static,
{
    sqlx::query(sql).bind(code).bind(value).execute(tx).await?;
    Ok(())
}

/// An area ends only when its schools and areas are elsewhere by then.
async fn refuse_unless_empty(tx: &mut Connection, code: u32, day: Day) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) FROM divisions WHERE parent = $1 AND (valid_until_day IS NULL OR valid_until_day > $2)";
    let (areas,): (i64,) = sqlx::query_as(sql).bind(code).bind(day.0).fetch_one(&mut *tx).await?;
    let sql = "SELECT COUNT(*) FROM school_divisions d JOIN schools s ON s.school_no = d.school_no WHERE d.division = $1 AND s.purged_at_ms IS NULL AND NOT EXISTS (SELECT 1 FROM school_divisions n WHERE n.school_no = d.school_no AND n.from_day > d.from_day AND n.from_day <= $2)";
    let (schools,): (i64,) = sqlx::query_as(sql).bind(code).bind(day.0).fetch_one(tx).await?;
    match (areas, schools) {
        (0, 0) => Ok(()),
        (0, _) => Err(Conflict::InUse("the area", "it has schools on that day").into()),
        _ => Err(Conflict::InUse("the area", "it has areas on that day").into()),
    }
}

impl Store {
    /// Groups that an area keeps.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn groups_of(&self, code: u32) -> Result<Vec<GroupView>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let sql = "SELECT group_no FROM area_groups WHERE division = $1 ORDER BY group_no";
        let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(code).fetch_all(&mut *connection).await?;
        let mut groups = Vec::with_capacity(rows.len());
        for (no,) in rows {
            groups.push(require_group(&mut connection, number("group_no", no)?).await?);
        }
        Ok(groups)
    }

    /// A group.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn group(&self, no: u32) -> Result<GroupView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        require_group(&mut connection, no).await
    }

    /// Adds a group.
    ///
    /// # Errors
    /// Values that cannot be accepted, or a name that is taken.
    pub async fn add_group(&self, actor: &Actor, keeper: u32, form: &GroupForm) -> Result<GroupView, StoreError> {
        form.check(keeper)?;
        let mut change = self.change(actor).await?;
        let no = take_number(change.tx(), "group", "SELECT MAX(group_no) FROM area_groups").await?;
        write_group(change.tx(), no, keeper, form).await?;
        let after = require_group(change.tx(), no).await?;
        let (action, object, node) = ("group.add", format!("g{no}"), Node::Area(keeper));
        change.log(Entry { action, object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Replaces a group's name and members.
    ///
    /// # Errors
    /// No such group, values that cannot be accepted, a name that is taken, or a change in between.
    pub async fn edit_group(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        form: &GroupForm,
    ) -> Result<GroupView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_group(change.tx(), no).await?;
        expected.check(&before)?;
        form.check(before.division)?;
        clear_group(change.tx(), no).await?;
        write_group(change.tx(), no, before.division, form).await?;
        let after = require_group(change.tx(), no).await?;
        let (action, object, node) = ("group.edit", format!("g{no}"), Node::Area(before.division));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// No such group, or a change in between.
    pub async fn delete_group(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_group(change.tx(), no).await?;
        expected.check(&before)?;
        clear_group(change.tx(), no).await?;
        let (action, object, node) = ("group.delete", format!("g{no}"), Node::Area(before.division));
        change.log(Entry { action, object, node, before: Some(&before), after: None, reason: "" }).await?;
        change.commit().await
    }
}

async fn require_group(tx: &mut Connection, no: u32) -> Result<GroupView, StoreError> {
    let sql = "SELECT division, name FROM area_groups WHERE group_no = $1";
    let row: Option<(i64, String)> = sqlx::query_as(sql).bind(no).fetch_optional(&mut *tx).await?;
    let (division, name) = row.ok_or_else(|| absent("group", no))?;
    let sql = "SELECT division FROM area_group_members WHERE group_no = $1 ORDER BY division";
    let members: Vec<(i64,)> = sqlx::query_as(sql).bind(no).fetch_all(tx).await?;
    let members = members.into_iter().map(|(code,)| number("area_group_members.division", code));
    let division = number("area_groups.division", division)?;
    Ok(GroupView { group_no: no, division, name, members: members.collect::<Result<_, _>>()? })
}

async fn clear_group(tx: &mut Connection, no: u32) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM area_group_members WHERE group_no = $1").bind(no).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM area_groups WHERE group_no = $1").bind(no).execute(tx).await?;
    Ok(())
}

async fn write_group(tx: &mut Connection, no: u32, keeper: u32, form: &GroupForm) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) FROM area_groups WHERE division = $1 AND name = $2";
    let (taken,): (i64,) = sqlx::query_as(sql).bind(keeper).bind(&form.name).fetch_one(&mut *tx).await?;
    if taken > 0 {
        return Err(Conflict::Taken("name").into());
    }
    let known: Vec<u32> = orgs::divisions(tx).await?.into_iter().map(|division| division.code).collect();
    if let Some(i) = form.members.iter().position(|code| !known.contains(code) || !area_range(keeper).contains(code)) {
        return Err(Invalid::one(format!("/members/{i}"), "an area below").into());
    }
    let sql = "INSERT INTO area_groups (group_no, division, name) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(no).bind(keeper).bind(&form.name).execute(&mut *tx).await?;
    for code in &form.members {
        let sql = "INSERT INTO area_group_members (group_no, division) VALUES ($1, $2)";
        sqlx::query(sql).bind(no).bind(*code).execute(&mut *tx).await?;
    }
    Ok(())
}
