//! Decides on a post by its headers and its device, in the order of the contract's table of refusals.

use super::answer::Refusal;
use super::check::Window;
use super::decode::Format;
use super::expand::Coding;
use super::token::{Verifier, bearer, check_expiry, claimed_device, digest};
use super::view::{Device, View};
use super::{media, view};
use schemas::codes::Slug;
use schemas::registry::DeviceState;
use schemas::time::DAY_MS;

/// The headers that decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// Content-Type
    pub content_type: Option<&'a [u8]>,
    /// Content-Encoding
    pub content_encoding: Option<&'a [u8]>,
    /// Authorization
    pub authorization: Option<&'a [u8]>,
}

/// Tolerances between the clocks of agents and edge, ms.
#[derive(Clone, Copy, Debug)]
pub struct Tolerances {
    /// `clock-skew` beyond.
    pub skew_ms: i64,
    /// `in_future` beyond.
    pub future_ms: i64,
    /// `too_old` beyond.
    pub accept_days: u32,
}

impl Tolerances {
    /// The instants that events may speak of.
    #[must_use]
    pub fn window(&self, now_ms: i64) -> Window {
        let oldest_ms = now_ms - i64::from(self.accept_days) * DAY_MS;
        Window { oldest_ms, newest_ms: now_ms.saturating_add(self.future_ms) }
    }

    /// Refuses a post whose clock is off.
    ///
    /// # Errors
    /// `clock-skew`
    pub fn check_skew(&self, sent_at_ms: i64, now_ms: i64) -> Result<(), Refusal> {
        let off_ms = i128::from(sent_at_ms) - i128::from(now_ms);
        if off_ms.unsigned_abs() > self.skew_ms.unsigned_abs().into() {
            return Err(Refusal::new(Slug::ClockSkew, format!("sent_at is {off_ms} ms from server_time")));
        }
        Ok(())
    }
}

/// Format and coding of the body.
///
/// # Errors
/// `media-type`
pub fn media(headers: &Headers<'_>) -> Result<(Format, Coding), Refusal> {
    let format = media::format(headers.content_type)
        .ok_or_else(|| Refusal::new(Slug::MediaType, "Content-Type: application/json or application/avro was due"))?;
    let coding = media::coding(headers.content_encoding)
        .ok_or_else(|| Refusal::new(Slug::MediaType, "Content-Encoding: none, gzip or zstd was due"))?;
    Ok((format, coding))
}

/// The device that posts, proven by its token and in good standing.
///
/// # Errors
/// `no-token`, `bad-token`, `expired-token`, `revoked`, `suspended`, `retired`, `unknown-device`
pub fn authenticate(
    headers: &Headers<'_>,
    view: &View,
    verifier: &Verifier,
    now_ms: i64,
) -> Result<(u32, Device), Refusal> {
    let token = bearer(headers.authorization).map_err(refused)?;
    let digest = digest(token);
    // A digest that was kept proves the token, and its device's standing: every change of the device drops it.
    if let Some(device_no) = claimed_device(token)
        && let Some(view::Found { device, verified_exp: Some(exp) }) = view.find(device_no, digest)
    {
        check_expiry(i64::from(exp), now_ms).map_err(refused)?;
        return Ok((device_no, device));
    }
    let claims = verifier.claims(token).map_err(refused)?;
    check_expiry(claims.exp, now_ms).map_err(refused)?;
    let found = view.find(claims.dno, digest).ok_or_else(|| refused(Slug::UnknownDevice))?;
    if found.device.device_id != claims.sub {
        return Err(refused(Slug::BadToken));
    }
    check_standing(&found.device, claims.generation).map_err(refused)?;
    view.keep(claims.dno, &found.device, digest, claims.exp);
    Ok((claims.dno, found.device))
}

fn check_standing(device: &Device, generation: u32) -> Result<(), Slug> {
    if device.revoked || generation < device.token_gen {
        return Err(Slug::Revoked);
    }
    match device.state {
        DeviceState::Suspended => Err(Slug::Suspended),
        DeviceState::Retired => Err(Slug::Retired),
        DeviceState::Enrolled | DeviceState::InService => Ok(()),
    }
}

/// A refusal of the token or its device, in words.
fn refused(slug: Slug) -> Refusal {
    let detail = match slug {
        Slug::NoToken => "Authorization: Bearer <device token> was due",
        Slug::BadToken => "signature, algorithm, issuer, audience, subject or claims are wrong",
        Slug::ExpiredToken => "exp has passed",
        Slug::Revoked => "the token was revoked, or is older than the current rotation",
        Slug::Suspended => "the device was taken out of service for a while",
        Slug::Retired => "the device was taken out of service for good",
        _ => "the device has not reached this edge's view yet",
    };
    Refusal::new(slug, detail)
}

#[cfg(test)]
mod tests;
