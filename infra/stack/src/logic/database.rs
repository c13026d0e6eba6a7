//! The PostgreSQL database that the registry may keep its store in: what its URL says, without its password.

use std::fmt;

/// A URL that was given to `up --database`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    user: String,
    /// Host and port.
    server: String,
    name: String,
}

/// Not a URL of PostgreSQL. It is not repeated, because it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("--database is to be postgres://USER@HOST:PORT/NAME")]
pub struct NotADatabase;

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// It does not name a user, a server and a database.
    pub fn parse(text: &str) -> Result<DatabaseUrl, NotADatabase> {
        let text = text.trim();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let plain = rest.and_then(|rest| rest.split('?').next());
        let (authority, name) = plain.and_then(|plain| plain.split_once('/')).ok_or(NotADatabase)?;
        let (login, server) = authority.rsplit_once('@').ok_or(NotADatabase)?;
        let user = login.split(':').next().unwrap_or_default();
        if [user, server, name].iter().any(|part| part.is_empty()) || text.chars().any(char::is_whitespace) {
            return Err(NotADatabase);
        }
        let server = if has_port(server) { server.to_owned() } else { format!("{server}:5432") };
        Ok(DatabaseUrl { text: text.to_owned(), user: user.to_owned(), server, name: name.to_owned() })
    }

    /// The URL as it was given, with a password if it had one.
    #[must_use]
    pub fn with_password(&self) -> &str {
        &self.text
    }

    /// Is it the same database? Users, passwords and ways to connect may differ.
    #[must_use]
    pub fn is(&self, other: &DatabaseUrl) -> bool {
        (&self.server, &self.name, self.schema()) == (&other.server, &other.name, other.schema())
    }

    /// Where the tables are, if the URL says so.
    fn schema(&self) -> Option<&str> {
        let parameters = self.text.split_once('?')?.1;
        parameters.split('&').find(|parameter| parameter.starts_with("options="))
    }
}

fn has_port(server: &str) -> bool {
    // The colons of an IPv6 address stand in brackets.
    let after = server.rsplit(']').next().unwrap_or(server);
    after.contains(':')
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@{}/{}", self.user, self.server, self.name)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A stack whose data were made with another store.
#[derive(Debug, thiserror::Error)]
#[error(
    "this stack was made with {made} and keeps it; `./classpulse reset` removes the stack, another --port-base is another one"
)]
pub struct OtherDatabase {
    made: String,
}

/// Which database a stack uses. `made`: it has data already, with the database that is `remembered` (none: SQLite).
///
/// # Errors
/// Its data were made with another.
pub fn choose(
    made: bool,
    remembered: Option<DatabaseUrl>,
    asked: Option<DatabaseUrl>,
) -> Result<Option<DatabaseUrl>, OtherDatabase> {
    match (made, remembered, asked) {
        (false, remembered, asked) => Ok(asked.or(remembered)),
        (true, remembered, None) => Ok(remembered),
        (true, Some(remembered), Some(asked)) if asked.is(&remembered) => Ok(Some(asked)),
        (true, remembered, Some(_)) => {
            let made = remembered
                .map_or_else(|| "a registry on SQLite".to_owned(), |url| format!("the registry's store in {url}"));
            Err(OtherDatabase { made })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl::parse(text).unwrap()
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let given = url("postgresql://registry:p@ss:w/rd@db.example:6432/classpulse?sslmode=require");
        assert!(DatabaseUrl::parse("postgres://registry:geheim@db.example").is_err(), "no database");
        assert_eq!(format!("{given} {given:?}").matches("p@ss").count(), 0);
        assert_eq!(url("postgres://registry:geheim@[::1]/x").to_string(), "postgres://registry@[::1]:5432/x");
    }

    #[test]
    fn what_is_no_url_of_postgresql_is_refused() {
        for text in [
            "",
            "var/x.sqlite",
            "mysql://u@h/d",
            "postgres://h/d",
            "postgres://u@h/",
            "postgres://@h/d",
            "postgres://u@h/d d",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_stack_keeps_the_database_that_it_was_made_with() {
        let (one, other) = (url("postgres://a@h/one"), url("postgres://a@h/two"));
        let same = url("postgres://b:secret@h:5432/one?sslmode=require");
        assert_eq!(choose(false, None, Some(one.clone())).unwrap(), Some(one.clone()), "a new one takes what is asked");
        assert_eq!(
            choose(false, Some(one.clone()), None).unwrap(),
            Some(one.clone()),
            "interrupted before it was seeded"
        );
        assert_eq!(choose(true, Some(one.clone()), None).unwrap(), Some(one.clone()), "it is remembered");
        assert_eq!(
            choose(true, Some(one.clone()), Some(same.clone())).unwrap(),
            Some(same),
            "the same by another user"
        );
        assert!(
            choose(true, Some(one.clone()), Some(other)).unwrap_err().to_string().contains("postgres://a@h:5432/one")
        );
        assert!(choose(true, None, Some(one)).unwrap_err().to_string().contains("SQLite"));
        let schemas = ("postgres://a@h/d?options=-csearch_path%3Dx", "postgres://a@h/d?options=-csearch_path%3Dy");
        assert!(!url(schemas.0).is(&url(schemas.1)));
    }
}
