//! Accounts: which passwords are taken, how long a guesser waits, and who may make whom what.

use super::conflict::Faults;
use super::rights::Action;
use schemas::token::Role;

/// Characters of a password, at least and at most.
const LENGTH: (usize, usize) = (10, 128);
/// Failures of one login that cost nothing.
const FREE: u32 = 4;
/// The first wait, and the longest.
const WAIT_MS: (i64, i64) = (30_000, 3_600_000);
/// What first passwords and logins are made of: nothing that is mistaken for something else when it is read out.
const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyzA";

/// A first password of 16 random bytes: 80 bits.
#[must_use]
pub fn first_password(random: [u8; 16]) -> String {
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Is this how a login is written? Addresses and phone numbers are none, and neither are the names of the terminal's
/// tokens.
#[must_use]
pub fn is_login(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (3..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(fine)
}

/// Notes what is wrong with a password that somebody chose.
pub fn check_password(faults: &mut Faults, password: &str, login: &str, pointer: &str) {
    let long = (LENGTH.0..=LENGTH.1).contains(&password.chars().count());
    faults.unless(long, pointer, "10 to 128 characters");
    let varied = password.chars().any(|c| !password.starts_with(c));
    faults.unless(varied && !password.to_lowercase().contains(login), pointer, "neither the login nor one character");
}

/// How long a login is refused after so many failures in a row: not at first, then twice as long each time.
#[must_use]
pub fn wait_ms(failures: u32) -> i64 {
    match failures.checked_sub(FREE + 1) {
        None => 0,
        Some(doublings) => WAIT_MS.0.saturating_mul(1 << doublings.min(20)).min(WAIT_MS.1),
    }
}

/// What somebody has to be allowed in order to give or take a role.
#[must_use]
pub const fn granting(role: Role) -> Action {
    match role {
        Role::ClassTeacher => Action::GrantTeachers,
        Role::ProvinceAdmin
        | Role::CityAdmin
        | Role::CountyAdmin
        | Role::SchoolAdmin
        | Role::Analyst
        | Role::DataTeam => Action::GrantAdmins,
    }
}

/// The role that administers a place of this kind; a class has none.
#[must_use]
pub fn administrator_of(level: schemas::registry::Level) -> Option<Role> {
    use schemas::registry::Level;
    match level {
        Level::Province => Some(Role::ProvinceAdmin),
        Level::City => Some(Role::CityAdmin),
        Level::County => Some(Role::CountyAdmin),
        Level::School => Some(Role::SchoolAdmin),
        Level::Class => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessers_wait_twice_as_long_each_time() {
        let waits: Vec<_> = (0..8).map(wait_ms).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 30_000, 60_000, 120_000]);
        assert_eq!((wait_ms(12), wait_ms(u32::MAX)), (3_600_000, 3_600_000));
    }

    #[test]
    fn logins_are_plain_words() {
        assert!(is_login("tianhe.admin") && is_login("abc"));
        for text in ["ab", "Abc", "13800000000", "a b", "cli:x", "a@b.c", "虚构的人", &"a".repeat(33)] {
            assert!(!is_login(text), "{text}");
        }
    }

    #[test]
    fn poor_passwords_are_refused() {
        let refused = |password: &str| {
            let mut faults = Faults::default();
            check_password(&mut faults, password, "tianhe", "/new");
            faults.done().is_err()
        };
        for password in ["123456", "aaaaaaaaaaaa", "my-Tianhe-2026", &"x1".repeat(65)] {
            assert!(refused(password), "{password}");
        }
        assert!(refused("七个汉字也不够长"), "eight characters");
        assert!(!refused("十个汉字的一句话就够了") && !refused("correct horse battery"));
        assert!(!refused(&first_password([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])));
    }

    #[test]
    fn a_first_password_uses_all_of_its_randomness() {
        let letters: std::collections::BTreeSet<_> = (0..32).map(|n| first_password([n; 16])).collect();
        assert_eq!(letters.len(), 32);
        assert_eq!(first_password([0; 16]).len(), 16);
    }
}
