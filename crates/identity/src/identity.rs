//! From credentials to a principal: the order of the checks.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value as Json;
use tokio::sync::Semaphore;
use transom_types::{Code, Principal, Problem, limits::NAME_BYTES_MAX};

use crate::{
    Settings,
    cache::{Verified, VerifiedTokens},
    claims::Rules,
    credentials::token_of,
    jwks::{self, Secrets},
    key::Key,
    key_source::KeySource,
    refusal,
    role_path::RolePath,
    settings::CLOCK_SKEW_SECONDS_MAX,
    stream_token::{StreamKey, StreamToken},
    tls,
    token::Unverified,
};

/// Largest key or key set file that is read.
const KEY_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Most requests that wait for keys at a time.
const KEY_WAITS_MAX: usize = 256;

/// Establishes who is asking. One per process, shared.
pub struct Identity {
    keys: Vec<Key>,
    sources: Vec<Arc<KeySource>>,
    /// Counts changes of the fetched keys.
    generation: Arc<AtomicU64>,
    verified: VerifiedTokens,
    rules: Rules,
    anonymous: Option<Principal>,
    token_bytes_max: usize,
    /// Places for requests that wait for keys.
    waiting: Semaphore,
    stream_key: StreamKey,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("keys", &self.keys)
            .field("sources", &self.sources.len())
            .field("verified", &self.verified.len())
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the keys and checks the settings. Key set URLs are not fetched yet: see [`Self::warm`].
    /// Errors: everything that is wrong, at once.
    pub fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let keys = load_keys(&settings, &mut problems);
        let generation = Arc::new(AtomicU64::new(0));
        let mut sources = Vec::new();
        // Not set up without need: it costs a millisecond of every start.
        let client = (!settings.jwks_urls.is_empty() || settings.jwks_ca_file.is_some())
            .then(|| tls::client(settings.jwks_ca_file.as_deref()))
            .transpose();
        match client {
            Ok(client) => {
                for (url, client) in settings.jwks_urls.iter().zip(client.iter().cycle()) {
                    match KeySource::new(url, client.clone(), &settings, generation.clone()) {
                        Ok(source) => sources.push(Arc::new(source)),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
        if settings.clock_skew_seconds > CLOCK_SKEW_SECONDS_MAX {
            problems.push(
                Problem::new(
                    Code::ConfigInvalid,
                    format!("A clock skew of {} seconds is too wide", settings.clock_skew_seconds),
                )
                .with_hint(format!("At most {CLOCK_SKEW_SECONDS_MAX}: set the clocks instead")),
            );
        }
        let sound = |role: &String| (1..=NAME_BYTES_MAX).contains(&role.len());
        if !settings.anonymous_role.as_ref().is_none_or(sound) {
            problems.push(
                Problem::new(Code::ConfigInvalid, "The anonymous role is not a role's name")
                    .with_hint("Leave it out to refuse callers without a token"),
            );
        }
        let role = RolePath::parse(&settings.role_claim).map_err(|problem| problems.push(problem)).ok();
        let stream_key =
            StreamKey::new(settings.secret.as_ref()).map_err(|problem| problems.push(problem)).ok();
        let (Some(role), Some(stream_key), true) = (role, stream_key, problems.is_empty()) else {
            return Err(problems);
        };
        Ok(Self {
            keys,
            sources,
            generation,
            verified: VerifiedTokens::new(settings.cache_bytes_max, settings.cache_age_seconds_max),
            rules: Rules {
                audiences: settings.audiences,
                issuer: settings.issuer,
                role,
                skew_seconds: i64::from(settings.clock_skew_seconds),
                compatible: settings.compatible,
            },
            anonymous: settings.anonymous_role.as_deref().map(Principal::anonymous),
            token_bytes_max: settings.token_bytes_max,
            waiting: Semaphore::new(KEY_WAITS_MAX),
            stream_key,
        })
    }

    /// Fetches every key set that is due, and waits for it. To be called at start, so that the first request need not wait.
    pub async fn warm(&self, now_seconds: u64) {
        self.refresh(signed(now_seconds)).await;
    }

    /// Who is asking, from the `Authorization` and `apikey` headers; `now_seconds` since 1970 UTC.
    /// Errors: with `www-authenticate` where a better token would help.
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        apikey: Option<&str>,
        now_seconds: u64,
    ) -> Result<Principal, Problem> {
        let now = signed(now_seconds);
        self.sources.iter().filter(|source| source.due(now)).for_each(|source| source.begin(now));
        if let Some(known) = self.authenticate_cached(authorization, apikey, now_seconds) {
            return known;
        }
        match token_of(authorization, apikey)? {
            Some(token) => self.verify(token, now).await,
            None => self.anonymous.clone().ok_or_else(refusal::anonymous),
        }
    }

    /// The same without waiting or cryptography, where that is possible: no token, a malformed one, or one verified lately.
    /// `None` says that [`Self::authenticate`] must decide.
    pub fn authenticate_cached(
        &self,
        authorization: Option<&str>,
        apikey: Option<&str>,
        now_seconds: u64,
    ) -> Option<Result<Principal, Problem>> {
        let now = signed(now_seconds);
        let token = match token_of(authorization, apikey) {
            Ok(Some(token)) => token,
            Ok(None) => return Some(self.anonymous.clone().ok_or_else(refusal::anonymous)),
            Err(problem) => return Some(Err(problem)),
        };
        if token.len() > self.token_bytes_max {
            return Some(Err(refusal::invalid(&format!(
                "The JWT is longer than {} bytes",
                self.token_bytes_max
            ))));
        }
        // Let the waiting path begin a fetch, or keys that were withdrawn would be honoured as long as their tokens are used.
        if self.sources.iter().any(|source| source.due(now)) {
            return None;
        }
        let generation = self.generation.load(Ordering::Acquire);
        let verified = self.verified.get(token, generation, now)?;
        Some(verified.window.check(now).map(|()| verified.principal.clone()))
    }

    /// Makes a token that opens change streams as this principal, for clients that can send no header.
    /// Errors: the claims are too large for an address.
    pub fn stream_token(&self, principal: &Principal, now_seconds: u64) -> Result<StreamToken, Problem> {
        let ends = self.rules.window(&principal.claims)?.ends_at();
        self.stream_key.seal(principal, signed(now_seconds), ends)
    }

    /// Who made this stream token.
    /// Errors: it is another kind of token, has been changed, or it or the token it was made with has expired.
    pub fn open_stream_token(&self, token: &str, now_seconds: u64) -> Result<Principal, Problem> {
        let principal = self.stream_key.open(token, signed(now_seconds))?;
        self.rules.window(&principal.claims)?.check(signed(now_seconds))?;
        Ok(principal)
    }

    /// How many verified tokens are kept.
    pub fn cached_tokens(&self) -> usize {
        self.verified.len()
    }

    /// Fetches every key set that may be fetched now, all at once, and waits for them.
    async fn refresh(&self, now_seconds: i64) {
        // Begun before the first wait, so that they run side by side.
        let waits: Vec<_> = self.sources.iter().map(|source| source.refresh(now_seconds)).collect();
        for wait in waits {
            wait.await;
        }
    }

    async fn verify(&self, token: &str, now_seconds: i64) -> Result<Principal, Problem> {
        if self.keys.is_empty() && self.sources.is_empty() {
            return Err(refusal::no_keys());
        }
        let unverified = Unverified::parse(token)?;
        // Read before the keys: when they change in between, the entry is already out of date.
        let mut generation = self.generation.load(Ordering::Acquire);
        if let Err(refused) = self.check_signature(&unverified) {
            if self.may_learn(&unverified) {
                // Nothing in the token is believed yet: however many such tokens come while a key server is slow, most places
                // for requests stay free for others.
                let _place = self.waiting.try_acquire().map_err(|_| refusal::keys_unavailable())?;
                self.refresh(now_seconds).await;
            } else if self.generation.load(Ordering::Acquire) == generation {
                return Err(refused);
            }
            // Or others have learnt it between the two looks.
            generation = self.generation.load(Ordering::Acquire);
            let unknown = self.sources.iter().any(|source| source.keys().is_empty());
            self.check_signature(&unverified)
                .map_err(|refused| if unknown { refusal::keys_unavailable() } else { refused })?;
        }
        let claims = Json::Object(unverified.claims()?);
        self.rules.check_parties(&claims)?;
        let window = self.rules.window(&claims)?;
        window.check(now_seconds)?;
        let anonymous_role = self.anonymous.as_ref().map(|anonymous| anonymous.role.clone());
        let named: Option<Arc<str>> = self.rules.role(&claims)?.map(|role| role.as_ref().into());
        let role = named.or_else(|| anonymous_role.clone()).ok_or_else(refusal::anonymous)?;
        // There, who has no role of their own is nobody in particular, with a token or without.
        let anonymous = self.rules.compatible && anonymous_role.as_ref() == Some(&role);
        let principal = Principal { role, claims: Arc::new(claims), anonymous };
        let entry =
            Verified { principal: principal.clone(), window, verified_at_seconds: now_seconds, generation };
        self.verified.insert(token, entry);
        Ok(principal)
    }

    /// Tries the keys of the token's name; where no key has that name, those without a name; without a name in the token, all.
    fn check_signature(&self, token: &Unverified<'_>) -> Result<(), Problem> {
        let fetched: Vec<Arc<[Key]>> = self.sources.iter().map(|source| source.keys()).collect();
        let all = || self.keys.iter().chain(fetched.iter().flat_map(|keys| keys.iter()));
        let wanted = token.key_id.as_deref();
        let named = wanted.is_some() && all().any(|key| key.id.as_deref() == wanted);
        let mut candidates = all()
            .filter(|key| match wanted {
                Some(_) if named => key.id.as_deref() == wanted,
                Some(_) => key.id.is_none(),
                None => true,
            })
            .peekable();
        if candidates.peek().is_none() {
            return Err(refusal::invalid(refusal::NO_KEY));
        }
        let mut fitting = candidates.filter(|key| token.fits(key)).peekable();
        if fitting.peek().is_none() {
            return Err(refusal::invalid(refusal::BAD_ALGORITHM));
        }
        match fitting.any(|key| token.signed_by(key)) {
            true => Ok(()),
            false if self.rules.compatible => {
                Err(refusal::invalid(refusal::NO_KEY).with_details(refusal::NONE_FITS))
            }
            false => Err(refusal::invalid(refusal::BAD_SIGNATURE)),
        }
    }

    /// Whether fetching keys could make this token acceptable: it names a key not known, or some set has never arrived.
    fn may_learn(&self, token: &Unverified<'_>) -> bool {
        let sets: Vec<Arc<[Key]>> = self.sources.iter().map(|source| source.keys()).collect();
        let has = |keys: &[Key]| keys.iter().any(|key| key.id.is_some() && key.id == token.key_id);
        let named = has(&self.keys) || sets.iter().any(|keys| has(keys));
        let missing = sets.iter().any(|keys| keys.is_empty());
        // What is published holds no shared secrets: see `Secrets`.
        !sets.is_empty() && !token.needs_secret() && !named && (missing || token.key_id.is_some())
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn load_keys(settings: &Settings, problems: &mut Vec<Problem>) -> Vec<Key> {
    let mut keys: Vec<Key> = settings.secret.iter().map(Key::from_secret).collect();
    let mut add = |read: Result<Vec<Key>, Problem>| match read {
        Ok(read) => keys.extend(read),
        Err(problem) => problems.push(problem),
    };
    for (at, pem) in settings.public_keys.iter().enumerate() {
        add(Key::from_pem(&format!("number {}", at + 1), pem).map(|key| vec![key]));
    }
    for path in &settings.public_key_files {
        let source = format!("'{}'", path.display());
        add(read_file(path).and_then(|pem| Key::from_pem(&source, &pem)).map(|key| vec![key]));
    }
    for text in &settings.jwks {
        add(key_set("given as text", text));
    }
    for path in &settings.jwks_files {
        add(read_file(path).and_then(|text| key_set(&format!("'{}'", path.display()), &text)));
    }
    keys
}

fn key_set(source: &str, text: &str) -> Result<Vec<Key>, Problem> {
    jwks::parse(text.as_bytes(), Secrets::Allowed).map_err(|why| {
        Problem::new(Code::ConfigInvalid, format!("The key set {source} cannot be used: {why}"))
            .with_hint("Expected {\"keys\": […]} as in RFC 7517")
    })
}

pub(crate) fn read_file(path: &Path) -> Result<String, Problem> {
    let refuse = |why: String| {
        Problem::new(Code::ConfigInvalid, format!("The key file '{}' cannot be read: {why}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if size > KEY_FILE_BYTES_MAX {
        return Err(refuse(format!("it has {size} bytes, at most {KEY_FILE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))
}
