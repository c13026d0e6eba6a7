//! What a midnight brings: enrolments into service, schools to another area.

use super::{Store, StoreError, change, number};
use schemas::time::Day;

impl Store {
    /// Begins a day: brings what was enrolled before into service, and tells of the schools whose area is another one
    /// since the last day that was begun. Gives the number of devices that were brought into service.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn begin_day(&self, today: Day, at_ms: i64) -> Result<usize, StoreError> {
        let started = self.start_service(today, at_ms).await?;
        let mut tx = self.begin().await?;
        let row: Option<(i32,)> = sqlx::query_as("SELECT day FROM midnights").fetch_optional(&mut *tx).await?;
        let before = row.map_or(today.plus(-1), |(day,)| Day(day));
        // Values of schools and classes name the area of the day on which they are made.
        let sql =
            "SELECT DISTINCT school_no FROM school_divisions WHERE from_day > $1 AND from_day <= $2 ORDER BY school_no";
        let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(before.0).bind(today.0).fetch_all(&mut *tx).await?;
        for (no,) in rows {
            change::tell_school(&mut tx, number("school_no", no)?, at_ms).await?;
        }
        let sql = "INSERT INTO midnights (one, day) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET day = excluded.day";
        sqlx::query(sql).bind(today.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(started)
    }
}
