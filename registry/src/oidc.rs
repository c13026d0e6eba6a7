//! The relying party of OpenID Connect: authorization code with PKCE (RFC 7636), the ID token checked against the provider's
//! keys, issuer, audience, time and nonce (OpenID Connect Core 1.0, section 3.1.3.7).

use crate::config::OidcConfig;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndUserEmail,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the provider may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long its addresses and keys are taken for current.
const CURRENT: Duration = Duration::from_secs(3600);
/// Keys that were fetched since are not fetched again for a token that none of them has signed.
const FRESH: Duration = Duration::from_secs(5);

/// A login that the provider did not let happen.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The client cannot be set up, or a URL of the configuration is none.
    #[error("set up single sign-on: {0}")]
    Setup(String),
    /// The provider is away, or says nothing that can be understood.
    #[error("ask the identity provider: {0}")]
    Provider(String),
    /// The provider's statement does not hold.
    #[error("check the identity provider's token: {0}")]
    Token(ClaimsVerificationError),
}

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct HttpFault(#[from] reqwest::Error);

/// A login that was begun.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where the browser goes.
    pub url: String,
    /// What it comes back with.
    pub state: String,
    /// What the token has to repeat.
    pub nonce: String,
    /// What proves that who asks for the token began the login.
    pub verifier: String,
}

/// Who somebody is, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person, for good.
    pub subject: String,
    /// An e-mail address that the provider has verified.
    pub email: Option<String>,
}

/// Requests go through the client that everything else uses.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        })
    }
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The provider.
pub struct Provider {
    config: OidcConfig,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: Http,
    metadata: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

impl Provider {
    /// Nothing is asked of the provider yet: this service starts while it is away.
    ///
    /// # Errors
    /// A URL of the configuration is none.
    pub fn new(config: OidcConfig) -> Result<Provider, OidcError> {
        let setup = |error: &dyn std::error::Error| OidcError::Setup(error.to_string());
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|error| setup(&error))?;
        let redirect = RedirectUrl::new(config.redirect_url.clone()).map_err(|error| setup(&error))?;
        // A provider that redirects could have any address asked in our name.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
        let http = Http(http.map_err(|error| setup(&error))?);
        Ok(Provider { config, issuer, redirect, http, metadata: Mutex::default() })
    }

    /// Where browsers go once they are logged in.
    #[must_use]
    pub fn landing(&self) -> &str {
        &self.config.landing
    }

    /// How long a login may take, ms.
    #[must_use]
    pub fn patience_ms(&self) -> i64 {
        i64::try_from(self.config.patience.as_millis()).unwrap_or(i64::MAX)
    }

    /// Begins a login.
    ///
    /// # Errors
    /// The provider is away.
    pub async fn begin(&self) -> Result<Attempt, OidcError> {
        let client = self.client(CURRENT).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let request = request.add_scope(Scope::new("email".to_owned())).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        Ok(Attempt {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Exchanges the code that a browser came back with, and says who it is.
    ///
    /// # Errors
    /// The provider is away or refuses, or its token does not hold.
    pub async fn finish(&self, code: String, nonce: String, verifier: String) -> Result<Identity, OidcError> {
        let client = self.client(CURRENT).await?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| asked(&error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        let answer = request.request_async(&self.http).await.map_err(|error| asked(&error))?;
        let token = answer.id_token().ok_or_else(|| OidcError::Provider("it sent no ID token".to_owned()))?;
        let claims = self.claims(&client, token, &Nonce::new(nonce)).await?;
        let mut identity = Identity {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: verified(claims.email(), claims.email_verified()),
        };
        // Most providers tell it in a second answer only (OpenID Connect Core 1.0, section 5.4).
        if claims.email().is_none()
            && let Ok(request) = client.user_info(answer.access_token().clone(), Some(claims.subject().clone()))
        {
            let told: CoreUserInfoClaims = request.request_async(&self.http).await.map_err(|error| asked(&error))?;
            identity.email = verified(told.email(), told.email_verified());
        }
        Ok(identity)
    }

    async fn claims(
        &self,
        client: &Client,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, OidcError> {
        match token.claims(&client.id_token_verifier(), nonce) {
            // The provider has changed its keys since they were fetched.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let client = self.client(FRESH).await?;
                token.claims(&client.id_token_verifier(), nonce).cloned().map_err(OidcError::Token)
            }
            claims => claims.cloned().map_err(OidcError::Token),
        }
    }

    /// A client by what the provider publishes, which is at most so old.
    async fn client(&self, age: Duration) -> Result<Client, OidcError> {
        let mut known = self.metadata.lock().await;
        let metadata = match known.as_ref().filter(|(at, _)| at.elapsed() < age) {
            Some((_, metadata)) => metadata.clone(),
            None => {
                let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
                let metadata = found.map_err(|error| asked(&error))?;
                known.insert((Instant::now(), metadata)).1.clone()
            }
        };
        let secret = Some(self.config.client_secret.clone()).filter(|secret| !secret.is_empty()).map(ClientSecret::new);
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(self.config.client_id.clone()), secret);
        Ok(client.set_redirect_uri(self.redirect.clone()))
    }
}

fn verified(email: Option<&EndUserEmail>, verified: Option<bool>) -> Option<String> {
    email.filter(|_| verified == Some(true)).map(|email| email.to_string())
}

/// An error with all its sources, for the library's says little by itself.
fn asked(error: &dyn std::error::Error) -> OidcError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    OidcError::Provider(text)
}
