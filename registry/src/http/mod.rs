//! The admin API, and what devices ask.

pub mod accounts;
pub mod agent;
pub mod api_keys;
pub mod areas;
pub mod audit;
pub mod bells;
pub mod calendars;
pub mod caller;
pub mod classes;
pub mod codes;
pub mod corrections;
pub mod devices;
pub mod docs;
pub mod files;
pub mod inbound;
pub mod layer;
pub mod limits;
pub mod problem;
pub mod respond;
pub mod schools;
pub mod second_factor;
pub mod session;
pub mod sso;

use crate::config::LoginConfig;
use crate::logic::principal::Verifier;
use crate::metrics::Metrics;
use crate::oidc::Provider;
use crate::passwords::Passwords;
use crate::sealed::Sealer;
use crate::store::Store;
use crate::tokens::Signer;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::routing::get;
use limits::Limits;
use problem::Problem;
use runtime::clock::Clock;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a body at most.
const BODY: usize = 256 * 1024;

/// What all handlers share.
pub struct Api {
    /// The store.
    pub store: Store,
    /// Tokens that come in.
    pub verifier: Verifier,
    /// Tokens that go out.
    pub signer: Signer,
    /// The injected clock.
    pub clock: Clock,
    /// Rates of enrolment.
    pub limits: Limits,
    /// Rates of logins.
    pub logins: Limits,
    /// Sessions.
    pub login: LoginConfig,
    /// Single sign-on; none: it is off.
    pub oidc: Option<Provider>,
    /// Seals secrets of second factors.
    pub sealer: Sealer,
    /// Hashes of passwords.
    pub passwords: Passwords,
    /// Metrics.
    pub metrics: Metrics,
}

/// All routes; the admin endpoints are merged in by the application.
pub fn router(api: Arc<Api>, admin: Router) -> Router {
    let (routes, document) = documented().split_for_parts();
    // Made once and served for the life of the process.
    let document: &'static str = document.to_json().unwrap_or_default().leak();
    let json = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    routes
        .with_state(api.clone())
        .route("/openapi.json", get(move || async move { (json, document) }))
        .merge(admin)
        .fallback(|| async { Problem::NotFound })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(axum::middleware::from_fn_with_state(api, layer::wrap))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().split_for_parts().1
}

fn documented() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(docs::Base::openapi())
        .routes(routes!(areas::me))
        .routes(routes!(areas::show, areas::edit))
        .routes(routes!(areas::set_profile))
        .routes(routes!(areas::below, areas::add))
        .routes(routes!(areas::groups, areas::add_group))
        .routes(routes!(areas::group, areas::edit_group, areas::delete_group))
        .routes(routes!(areas::schools, schools::add))
        .routes(routes!(schools::show, schools::edit, schools::delete))
        .merge(files::router())
        .merge(corrections::router())
        .routes(routes!(schools::initialise))
        .routes(routes!(schools::status))
        .routes(routes!(schools::transfer))
        .routes(routes!(schools::merge))
        .routes(routes!(schools::purge))
        .routes(routes!(classes::campuses, classes::add_campus))
        .routes(routes!(classes::campus, classes::edit_campus, classes::delete_campus))
        .routes(routes!(classes::classes, classes::add))
        .routes(routes!(classes::show, classes::edit, classes::delete))
        .routes(routes!(devices::of_school))
        .routes(routes!(devices::of_class))
        .routes(routes!(devices::show, devices::edit))
        .routes(routes!(devices::revoke))
        .routes(routes!(devices::flags_of_area))
        .routes(routes!(devices::flag, devices::judge))
        .routes(routes!(codes::of_school, codes::issue))
        .routes(routes!(codes::of_class, codes::issue_for_class))
        .routes(routes!(codes::show))
        .routes(routes!(codes::revoke))
        .routes(routes!(calendars::of_area, calendars::set_for_area))
        .routes(routes!(calendars::of_school, calendars::set_for_school))
        .routes(routes!(bells::of_area, bells::set_for_area))
        .routes(routes!(bells::of_school, bells::set_for_school))
        .routes(routes!(session::show, session::open, session::close))
        .routes(routes!(session::password))
        .routes(routes!(second_factor::begin, second_factor::confirm))
        .routes(routes!(sso::begin))
        .routes(routes!(sso::callback))
        .routes(routes!(session::token))
        .routes(routes!(api_keys::list, api_keys::add))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(accounts::of_area, accounts::add_to_area))
        .routes(routes!(accounts::of_school, accounts::add_to_school))
        .routes(routes!(accounts::show, accounts::edit))
        .routes(routes!(accounts::lock))
        .routes(routes!(accounts::unlock))
        .routes(routes!(accounts::close))
        .routes(routes!(accounts::reset))
        .routes(routes!(second_factor::reset))
        .routes(routes!(accounts::grant))
        .routes(routes!(accounts::revoke_grant))
        .routes(routes!(accounts::vacancies))
        .routes(routes!(accounts::supervision))
        .routes(routes!(audit::of_area))
        .routes(routes!(audit::of_school))
        .routes(routes!(agent::options))
        .routes(routes!(agent::enrol))
        .routes(routes!(agent::own))
        .routes(routes!(agent::renew))
}
