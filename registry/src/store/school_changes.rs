//! Everything that may be done to a school.

use super::change::{Change, Entry, take_number};
use super::school_rows::{devices_of, free_code, require_open_area, write_division, write_profile, write_status};
use super::schools::{self, Kept};
use super::{Actor, Store, StoreError, accounts, corrupt, device_counts, devices, grants, number};
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::forms::{SchoolEdit, SchoolForm};
use crate::logic::model::Place;
use crate::logic::records::ORGS_TOPIC;
use crate::logic::tag::Expected;
use crate::logic::views::SchoolView;
use crate::store::Connection;
use schemas::registry::SchoolStatus;
use schemas::time::Day;

/// A school that is about to be changed.
struct Editing<'c> {
    change: Change<'c>,
    school: Kept,
    before: SchoolView,
}

impl Store {
    /// Adds a school that the area manages directly.
    ///
    /// # Errors
    /// Its values cannot be accepted, or its code is taken.
    pub async fn add_school(&self, actor: &Actor, division: u32, form: &SchoolForm) -> Result<SchoolView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        let after = add(&mut change, division, form).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Changes a school's profile.
    ///
    /// # Errors
    /// No such school, values that cannot be accepted, a code that is taken, or a change in between.
    pub async fn edit_school(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        edit: SchoolEdit,
    ) -> Result<SchoolView, StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        let profile = edit.applied(editing.school.profile.clone());
        profile.check()?;
        free_code(editing.change.tx(), profile.code.as_deref(), no).await?;
        write_profile(editing.change.tx(), no, &profile, actor).await?;
        editing.change.tell_school(no).await?;
        editing.done("school.edit", "").await
    }

    /// Confirms that the profile is complete: from then on the school is not deleted any more.
    ///
    /// # Errors
    /// No such school, or a change in between.
    pub async fn initialise_school(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
    ) -> Result<SchoolView, StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        let sql = "UPDATE schools SET initialised_at_ms = $2 WHERE school_no = $1 AND initialised_at_ms IS NULL";
        sqlx::query(sql).bind(no).bind(actor.at_ms).execute(editing.change.tx()).await?;
        editing.done("school.initialise", "").await
    }

    /// Brings a school into a status from a day on.
    ///
    /// # Errors
    /// No such school, one that is closed for good by then, or a change in between.
    pub async fn set_school_status(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        status: SchoolStatus,
        from_day: Day,
    ) -> Result<SchoolView, StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        editing.still_open(from_day)?;
        write_status(editing.change.tx(), no, from_day, status, actor.at_ms).await?;
        if is_closed(status) {
            editing.end_codes().await?;
        }
        editing.tell_all().await?;
        editing.done("school.status", "").await
    }

    /// Puts a school under another area from a day on.
    ///
    /// # Errors
    /// No such school or area, a school that is closed for good by then, or a change in between.
    pub async fn transfer_school(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        division: u32,
        from_day: Day,
    ) -> Result<SchoolView, StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        editing.still_open(from_day)?;
        require_open_area(editing.change.tx(), division, from_day).await?;
        write_division(editing.change.tx(), no, from_day, division, actor.at_ms).await?;
        editing.tell_all().await?;
        editing.done("school.transfer", "").await
    }

    /// Merges a school into another from a day on: its devices are there from then on, in no class yet, because its
    /// classes end with it.
    ///
    /// # Errors
    /// No such schools, one of them closed for good by then, or a change in between.
    pub async fn merge_school(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        into: u32,
        from_day: Day,
    ) -> Result<SchoolView, StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        editing.still_open(from_day)?;
        let other = schools::require(editing.change.tx(), into).await?;
        if into == no || other.status(from_day) != SchoolStatus::Normal {
            return Err(Invalid::one("/into", "another school, in normal status by then").into());
        }
        write_status(editing.change.tx(), no, from_day, SchoolStatus::Merged, actor.at_ms).await?;
        for device_no in editing.devices_on(from_day).await? {
            let place = Place { school_no: into, class_no: 0 };
            devices::write_place(editing.change.tx(), device_no, place, from_day, actor.at_ms).await?;
        }
        device_counts::recount(editing.change.tx(), &[no, into], actor.at_ms).await?;
        editing.end_codes().await?;
        editing.tell_all().await?;
        editing.done("school.merge", &format!("into s{into}")).await
    }

    /// Deletes a school that is still new.
    ///
    /// # Errors
    /// No such school, one that is in use, or a change in between.
    pub async fn delete_school(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<(), StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        editing.refuse_unless_new().await?;
        let classes = editing.classes().await?;
        for sql in [
            "DELETE FROM enrol_codes WHERE school_no = $1",
            "DELETE FROM classes WHERE school_no = $1",
            "DELETE FROM campuses WHERE school_no = $1",
            "DELETE FROM school_statuses WHERE school_no = $1",
            "DELETE FROM school_divisions WHERE school_no = $1",
            "DELETE FROM school_types WHERE school_no = $1",
            "DELETE FROM schools WHERE school_no = $1",
        ] {
            sqlx::query(sql).bind(no).execute(editing.change.tx()).await?;
        }
        editing.gone("school.delete", "", classes).await
    }

    /// Removes a school that was in use. Its number and its part in the histories of devices stay, so that past days
    /// keep their place.
    ///
    /// # Errors
    /// No such school, devices of it that are not retired, or a change in between.
    pub async fn purge_school(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut editing = self.editing(actor, no, expected).await?;
        let left = editing.devices_left().await?;
        if left > 0 {
            return Err(Conflict::DevicesLeft(left).into());
        }
        let classes = editing.classes().await?;
        let sql = "UPDATE schools SET purged_at_ms = $2, name = '', code = NULL, address = '', post_code = '', tags = '[]' WHERE school_no = $1";
        sqlx::query(sql).bind(no).bind(actor.at_ms).execute(editing.change.tx()).await?;
        editing.end_codes().await?;
        editing.gone("school.purge", reason, classes).await
    }

    async fn editing<'c>(&'c self, actor: &'c Actor, no: u32, expected: &Expected) -> Result<Editing<'c>, StoreError> {
        let mut change = self.change(actor).await?;
        let school = schools::require(change.tx(), no).await?;
        let before = school.view(Day::of_ms(actor.at_ms));
        expected.check(&before)?;
        Ok(Editing { change, school, before })
    }
}

impl Editing<'_> {
    fn today(&self) -> Day {
        Day::of_ms(self.change.at_ms())
    }

    /// Merged and dissolved are for good, once a day of theirs has come before `day`; merged at once, for the devices have
    /// gone with it.
    fn still_open(&self, day: Day) -> Result<(), StoreError> {
        let ends = |status, from_day| is_closed(status) && (from_day < day || status == SchoolStatus::Merged);
        let end = self.school.history.statuses.iter().find(|change| ends(change.value, change.from_day));
        match end {
            Some(change) => {
                let (status, from_day) = (change.value, change.from_day);
                Err(Conflict::SchoolClosed { status, from_day }.into())
            }
            None => Ok(()),
        }
    }

    async fn refuse_unless_new(&mut self) -> Result<(), StoreError> {
        if self.count("SELECT COUNT(*) FROM belongings WHERE school_no = $1").await? > 0 {
            return Err(Conflict::SchoolNotNew("devices were enrolled there").into());
        }
        if self.count("SELECT COUNT(*) FROM enrol_codes WHERE school_no = $1 AND state = 'used'").await? > 0 {
            return Err(Conflict::SchoolNotNew("an enrolment code of it was used").into());
        }
        if self.school.initialised {
            return Err(Conflict::SchoolNotNew("its profile was confirmed").into());
        }
        Ok(())
    }

    /// Revokes the codes that wait to be redeemed.
    async fn end_codes(&mut self) -> Result<(), StoreError> {
        let sql =
            "UPDATE enrol_codes SET state = 'revoked', revoked_at_ms = $2 WHERE school_no = $1 AND state = 'issued'";
        let at_ms = self.change.at_ms();
        sqlx::query(sql).bind(self.school.no).bind(at_ms).execute(self.change.tx()).await?;
        Ok(())
    }

    async fn count(&mut self, sql: &'static str) -> Result<i64, StoreError> {
        let (count,): (i64,) = sqlx::query_as(sql).bind(self.school.no).fetch_one(self.change.tx()).await?;
        Ok(count)
    }

    /// Devices whose last place is this school and that are not retired.
    async fn devices_left(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT device_count FROM schools WHERE school_no = $1";
        Ok(self.count(sql).await?.unsigned_abs())
    }

    /// Devices that are here on a day.
    async fn devices_on(&mut self, day: Day) -> Result<Vec<u32>, StoreError> {
        devices_of(self.change.tx(), self.school.no, day).await
    }

    async fn classes(&mut self) -> Result<Vec<u32>, StoreError> {
        let sql = "SELECT class_no FROM classes WHERE school_no = $1 ORDER BY class_no";
        let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(self.school.no).fetch_all(self.change.tx()).await?;
        rows.into_iter().map(|(no,)| number("classes.class_no", no)).collect()
    }

    /// Tells of the school and of every device that was ever there: their days depend on its history.
    async fn tell_all(&mut self) -> Result<(), StoreError> {
        let no = self.school.no;
        self.change.tell_school(no).await?;
        let sql = "SELECT DISTINCT device_no FROM belongings WHERE school_no = $1 ORDER BY device_no";
        let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(no).fetch_all(self.change.tx()).await?;
        let numbers = rows.into_iter().map(|(no,)| number("device_no", no)).collect::<Result<Vec<_>, _>>()?;
        self.change.tell_devices(&numbers).await
    }

    async fn done(mut self, action: &'static str, reason: &str) -> Result<SchoolView, StoreError> {
        let (today, actor) = (self.today(), self.change.actor);
        let sql = "UPDATE schools SET updated_at_ms = $2, updated_by = $3 WHERE school_no = $1";
        let stamp = sqlx::query(sql).bind(self.school.no).bind(actor.at_ms).bind(&actor.name);
        stamp.execute(self.change.tx()).await?;
        let after = schools::require(self.change.tx(), self.school.no).await?.view(today);
        let (object, node) = (format!("s{}", self.school.no), self.school.node(today));
        let entry = Entry { action, object, node, before: Some(&self.before), after: Some(&after), reason };
        self.change.log(entry).await?;
        self.change.commit().await?;
        Ok(after)
    }

    async fn gone(mut self, action: &'static str, reason: &str, classes: Vec<u32>) -> Result<(), StoreError> {
        let (object, node) = (format!("s{}", self.school.no), self.school.node(self.today()));
        let keys: Vec<_> = classes.iter().map(|no| format!("c{no}")).chain([object.clone()]).collect();
        let entry = Entry { action, object: object.clone(), node, before: Some(&self.before), after: None, reason };
        self.change.log(entry).await?;
        accounts::close_all(&mut self.change, self.school.no).await?;
        for sql in ["DELETE FROM calendar_spans WHERE org_id = $1", "DELETE FROM bell_entries WHERE org_id = $1"] {
            sqlx::query(sql).bind(&object).execute(self.change.tx()).await?;
        }
        grants::end_at(&mut self.change, &keys).await?;
        self.change.remove(ORGS_TOPIC, keys).await?;
        self.change.commit().await
    }
}

/// Merged and dissolved.
const fn is_closed(status: SchoolStatus) -> bool {
    matches!(status, SchoolStatus::Merged | SchoolStatus::Dissolved)
}

/// Refuses a school that is merged or dissolved on a day: nothing joins it any more.
pub(super) async fn require_open(tx: &mut Connection, no: u32, day: Day) -> Result<(), StoreError> {
    let sql = "SELECT from_day, status FROM school_statuses WHERE school_no = $1 AND from_day <= $2 ORDER BY from_day DESC LIMIT 1";
    let row: Option<(i32, String)> = sqlx::query_as(sql).bind(no).bind(day.0).fetch_optional(tx).await?;
    let Some((from_day, status)) = row else { return Ok(()) };
    let status = SchoolStatus::parse(&status).ok_or_else(|| corrupt("school_statuses.status", status))?;
    if is_closed(status) {
        return Err(Conflict::SchoolClosed { status, from_day: Day(from_day) }.into());
    }
    Ok(())
}

/// A new school with a profile that was checked.
pub(super) async fn add(change: &mut Change<'_>, division: u32, form: &SchoolForm) -> Result<SchoolView, StoreError> {
    let actor = change.actor;
    let today = Day::of_ms(actor.at_ms);
    require_open_area(change.tx(), division, today).await?;
    free_code(change.tx(), form.code.as_deref(), 0).await?;
    let no = take_number(change.tx(), "school", "SELECT MAX(school_no) FROM schools").await?;
    let sql = "INSERT INTO schools (school_no, name, school_type) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(no).bind(&form.name).bind(&form.school_type).execute(change.tx()).await?;
    write_profile(change.tx(), no, form, actor).await?;
    write_division(change.tx(), no, today, division, actor.at_ms).await?;
    write_status(change.tx(), no, today, SchoolStatus::Normal, actor.at_ms).await?;
    let school = schools::require(change.tx(), no).await?;
    let after = school.view(today);
    let (object, node) = (format!("s{no}"), school.node(today));
    change.log(Entry { action: "school.add", object, node, before: None, after: Some(&after), reason: "" }).await?;
    change.tell_school(no).await?;
    Ok(after)
}

/// A school with another profile that was checked, and the same code.
pub(super) async fn rewrite(change: &mut Change<'_>, school: &Kept, form: &SchoolForm) -> Result<(), StoreError> {
    let actor = change.actor;
    let (no, today) = (school.no, Day::of_ms(actor.at_ms));
    write_profile(change.tx(), no, form, actor).await?;
    let (before, after) = (school.view(today), schools::require(change.tx(), no).await?.view(today));
    let (object, node) = (format!("s{no}"), school.node(today));
    let entry = Entry { action: "school.edit", object, node, before: Some(&before), after: Some(&after), reason: "" };
    change.log(entry).await?;
    change.tell_school(no).await
}
