//! Campuses and classes of a school.

use super::change::{Change, Entry, take_number};
use super::schools;
use super::{Actor, Store, StoreError, absent, grants, number};
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::forms::{CampusForm, ClassEdit, ClassForm};
use crate::logic::records::ORGS_TOPIC;
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::logic::views::{CampusView, ClassView};
use crate::store::Connection;
use schemas::time::Day;

type CampusRow = (i64, i64, String);
type ClassRow = (i64, i64, i64, i64, String, i64);

fn campus((campus_no, school_no, name): CampusRow) -> Result<CampusView, StoreError> {
    Ok(CampusView { campus_no: number("campus_no", campus_no)?, school_no: number("school_no", school_no)?, name })
}

fn class((class_no, school_no, campus_no, grade, name, size): ClassRow) -> Result<ClassView, StoreError> {
    Ok(ClassView {
        class_no: number("classes.class_no", class_no)?,
        school_no: number("classes.school_no", school_no)?,
        campus_no: number("classes.campus_no", campus_no)?,
        grade: number("classes.grade", grade)?,
        name,
        size: number("classes.size", size)?,
    })
}

async fn require_campus(tx: &mut Connection, no: u32) -> Result<CampusView, StoreError> {
    let sql = "SELECT campus_no, school_no, name FROM campuses WHERE campus_no = $1";
    let row: Option<CampusRow> = sqlx::query_as(sql).bind(no).fetch_optional(tx).await?;
    campus(row.ok_or_else(|| absent("campus", no))?)
}

pub(super) async fn require_class(tx: &mut Connection, no: u32) -> Result<ClassView, StoreError> {
    let sql = "SELECT class_no, school_no, campus_no, grade, name, size FROM classes WHERE class_no = $1";
    let row: Option<ClassRow> = sqlx::query_as(sql).bind(no).fetch_optional(tx).await?;
    class(row.ok_or_else(|| absent("class", no))?)
}

impl Store {
    /// A campus.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn campus(&self, no: u32) -> Result<CampusView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        require_campus(&mut connection, no).await
    }

    /// A class.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn class(&self, no: u32) -> Result<ClassView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        require_class(&mut connection, no).await
    }

    /// Campuses of a school.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn campuses_of(&self, school_no: u32) -> Result<Vec<CampusView>, StoreError> {
        let sql = "SELECT campus_no, school_no, name FROM campuses WHERE school_no = $1 ORDER BY campus_no";
        let rows: Vec<CampusRow> = sqlx::query_as(sql).bind(school_no).fetch_all(&self.pool).await?;
        rows.into_iter().map(campus).collect()
    }

    /// Classes of a school by number, after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn classes_of(&self, school_no: u32, after: u32, limit: u32) -> Result<Vec<ClassView>, StoreError> {
        let sql = "SELECT class_no, school_no, campus_no, grade, name, size FROM classes WHERE school_no = $1 AND class_no > $2 ORDER BY class_no LIMIT $3";
        let query = sqlx::query_as(sql).bind(school_no).bind(after).bind(i64::from(limit));
        let rows: Vec<ClassRow> = query.fetch_all(&self.pool).await?;
        rows.into_iter().map(class).collect()
    }

    /// Adds a campus.
    ///
    /// # Errors
    /// No such school, or a name that cannot be accepted or is taken.
    pub async fn add_campus(&self, actor: &Actor, school_no: u32, form: &CampusForm) -> Result<CampusView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        let node = school_at(&mut change, school_no).await?;
        free_name(change.tx(), school_no, &form.name, 0).await?;
        let no = take_number(change.tx(), "campus", "SELECT MAX(campus_no) FROM campuses").await?;
        let sql = "INSERT INTO campuses (campus_no, school_no, name) VALUES ($1, $2, $3)";
        sqlx::query(sql).bind(no).bind(school_no).bind(&form.name).execute(change.tx()).await?;
        let after = require_campus(change.tx(), no).await?;
        let object = format!("p{no}");
        change.log(Entry { action: "campus.add", object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Renames a campus.
    ///
    /// # Errors
    /// No such campus, a name that cannot be accepted or is taken, or a change in between.
    pub async fn edit_campus(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        form: &CampusForm,
    ) -> Result<CampusView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        let before = require_campus(change.tx(), no).await?;
        expected.check(&before)?;
        let node = school_at(&mut change, before.school_no).await?;
        free_name(change.tx(), before.school_no, &form.name, no).await?;
        let sql = "UPDATE campuses SET name = $2 WHERE campus_no = $1";
        sqlx::query(sql).bind(no).bind(&form.name).execute(change.tx()).await?;
        let after = require_campus(change.tx(), no).await?;
        let (action, object) = ("campus.edit", format!("p{no}"));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Deletes a campus without classes.
    ///
    /// # Errors
    /// No such campus, one with classes, or a change in between.
    pub async fn delete_campus(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_campus(change.tx(), no).await?;
        expected.check(&before)?;
        let node = school_at(&mut change, before.school_no).await?;
        if count(change.tx(), "SELECT COUNT(*) FROM classes WHERE campus_no = $1", no).await? > 0 {
            return Err(Conflict::InUse("the campus", "it has classes").into());
        }
        sqlx::query("DELETE FROM campuses WHERE campus_no = $1").bind(no).execute(change.tx()).await?;
        let (action, object) = ("campus.delete", format!("p{no}"));
        change.log(Entry { action, object, node, before: Some(&before), after: None, reason: "" }).await?;
        change.commit().await
    }

    /// Adds a class.
    ///
    /// # Errors
    /// No such school or campus, or values that cannot be accepted.
    pub async fn add_class(&self, actor: &Actor, school_no: u32, form: &ClassForm) -> Result<ClassView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        let node = school_at(&mut change, school_no).await?;
        own_campus(change.tx(), school_no, form.campus_no).await?;
        let no = take_number(change.tx(), "class", "SELECT MAX(class_no) FROM classes").await?;
        write_class(change.tx(), no, school_no, form).await?;
        let after = require_class(change.tx(), no).await?;
        let object = format!("c{no}");
        change.log(Entry { action: "class.add", object, node, before: None, after: Some(&after), reason: "" }).await?;
        change.tell_school(school_no).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Changes a class.
    ///
    /// # Errors
    /// No such class or campus, values that cannot be accepted, or a change in between.
    pub async fn edit_class(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        edit: ClassEdit,
    ) -> Result<ClassView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_class(change.tx(), no).await?;
        expected.check(&before)?;
        let form = ClassForm {
            campus_no: edit.campus_no.unwrap_or(before.campus_no),
            grade: edit.grade.unwrap_or(before.grade),
            name: edit.name.unwrap_or_else(|| before.name.clone()),
            size: edit.size.unwrap_or(before.size),
        };
        form.check()?;
        let school_no = before.school_no;
        let node = school_at(&mut change, school_no).await?;
        own_campus(change.tx(), school_no, form.campus_no).await?;
        write_class(change.tx(), no, school_no, &form).await?;
        let after = require_class(change.tx(), no).await?;
        let (action, object) = ("class.edit", format!("c{no}"));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.tell_school(school_no).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Deletes a class that no device was ever in.
    ///
    /// # Errors
    /// No such class, one with a history, or a change in between.
    pub async fn delete_class(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<(), StoreError> {
        let mut change = self.change(actor).await?;
        let before = require_class(change.tx(), no).await?;
        expected.check(&before)?;
        let node = school_at(&mut change, before.school_no).await?;
        if count(change.tx(), "SELECT COUNT(*) FROM belongings WHERE class_no = $1", no).await? > 0 {
            return Err(Conflict::InUse("the class", "devices are or were in it").into());
        }
        sqlx::query("DELETE FROM classes WHERE class_no = $1").bind(no).execute(change.tx()).await?;
        let (action, object) = ("class.delete", format!("c{no}"));
        let entry = Entry { action, object: object.clone(), node, before: Some(&before), after: None, reason: "" };
        change.log(entry).await?;
        let gone = vec![object];
        grants::end_at(&mut change, &gone).await?;
        change.remove(ORGS_TOPIC, gone).await?;
        change.commit().await
    }
}

async fn school_at(change: &mut Change<'_>, school_no: u32) -> Result<Node, StoreError> {
    let today = Day::of_ms(change.at_ms());
    Ok(schools::require(change.tx(), school_no).await?.node(today))
}

async fn count(tx: &mut Connection, sql: &'static str, no: u32) -> Result<i64, StoreError> {
    let (count,): (i64,) = sqlx::query_as(sql).bind(no).fetch_one(tx).await?;
    Ok(count)
}

async fn write_class(tx: &mut Connection, no: u32, school_no: u32, form: &ClassForm) -> Result<(), StoreError> {
    let sql = "INSERT INTO classes (class_no, school_no, campus_no, grade, name, size) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (class_no) DO UPDATE SET campus_no = excluded.campus_no, grade = excluded.grade, name = excluded.name, size = excluded.size";
    let insert = sqlx::query(sql).bind(no).bind(school_no).bind(form.campus_no).bind(form.grade);
    insert.bind(&form.name).bind(form.size).execute(tx).await?;
    Ok(())
}

async fn own_campus(tx: &mut Connection, school_no: u32, campus_no: u32) -> Result<(), StoreError> {
    match require_campus(tx, campus_no).await {
        Ok(campus) if campus.school_no == school_no => Ok(()),
        // Whether another school has such a campus is not told.
        Ok(_) | Err(StoreError::Absent { .. }) => Err(Invalid::one("/campus_no", "a campus of this school").into()),
        Err(error) => Err(error),
    }
}

async fn free_name(tx: &mut Connection, school_no: u32, name: &str, own: u32) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) FROM campuses WHERE school_no = $1 AND name = $2 AND campus_no <> $3";
    let (others,): (i64,) = sqlx::query_as(sql).bind(school_no).bind(name).bind(own).fetch_one(tx).await?;
    if others == 0 { Ok(()) } else { Err(Conflict::Taken("name").into()) }
}
