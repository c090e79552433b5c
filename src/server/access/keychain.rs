//! What is remembered of keys, so that a call is checked without asking the store: a key is looked up once, and then known until it is
//! changed here. A key that is revoked on this node is of no use from the answer on.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::pace::Pace;
use crate::access::{Caller, Denied, Gate, Key, KeyId, Kind, Session, SessionToken, Token};
use crate::delivery::Rate;
use crate::server::Problem;
use crate::store::{Store, StoreError, Whose};
use crate::time::Clock;
use crate::time::Entropy;

/// Keys that are remembered, about 400 bytes each; when there are more all are looked up anew.
const REMEMBERED: usize = 64 * 1024;
/// How often it is stored when keys were last used, if they were.
const NOTE_EVERY: Duration = Duration::from_mins(1);

/// The keys of a node's API.
pub struct Keychain {
    store: Store,
    clock: Arc<dyn Clock>,
    /// The calls that a key may make of which nothing else is said.
    rate_limit: Option<Rate>,
    /// `dev`: a call without a key is always let in.
    open: bool,
    /// Whether any key was ever made.
    locked: AtomicBool,
    known: RwLock<FxHashMap<KeyId, Arc<Known>>>,
    /// Keys are looked up one at a time: guesses must not keep the store's readers from others.
    lookups: tokio::sync::Mutex<()>,
    /// Counts changes of keys: what was read before one is not remembered after it.
    changes: AtomicU64,
    /// Whether a key was used since that was last stored.
    used: AtomicBool,
    began: Instant,
}

/// How the keys of a node are to be treated.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeychainOptions {
    /// The calls that a key may make of which nothing else is said.
    pub rate_limit: Option<Rate>,
    /// `dev`: a call without a key is always let in.
    pub open: bool,
}

struct Known {
    key: Arc<Key>,
    pace: Pace,
    /// When it was last used, in milliseconds since 1970; 0 when that is stored.
    used: AtomicI64,
}

impl Keychain {
    /// The keys in this store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new(store: Store, clock: Arc<dyn Clock>, options: KeychainOptions) -> Result<Self, StoreError> {
        let KeychainOptions { rate_limit, open } = options;
        let locked = AtomicBool::new(store.knows_keys().await?);
        let (known, lookups) = (RwLock::default(), tokio::sync::Mutex::default());
        let (changes, used, began) = (AtomicU64::default(), AtomicBool::default(), Instant::now());
        Ok(Self { store, clock, rate_limit, open, locked, known, lookups, changes, used, began })
    }

    /// Another node may have made or taken back keys: each is asked for anew.
    pub async fn ask_anew(&self) {
        self.note_uses_now().await;
        self.forget_all();
        if !self.locked.load(Ordering::Acquire) && self.store.knows_keys().await.unwrap_or(true) {
            self.locked.store(true, Ordering::Release);
        }
    }

    fn forget_all(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        known.clear();
    }

    /// Stores, now and then, when keys were last used; for ever.
    pub async fn note_uses(&self) {
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            self.note_uses_now().await;
        }
    }

    /// Stores when keys were last used, if they were since the last time.
    pub async fn note_uses_now(&self) {
        if !self.used.swap(false, Ordering::Relaxed) {
            return;
        }
        let used: Vec<(KeyId, Timestamp)> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let taken = known.values().map(|known| (known.key.id, known.used.swap(0, Ordering::Relaxed))).filter(|(_, at)| *at > 0);
            taken.filter_map(|(id, at)| Some((id, Timestamp::from_millisecond(at).ok()?))).collect()
        };
        if let Err(error) = self.store.note_key_use(used).await {
            tracing::warn!(%error, "when keys were last used could not be stored");
        }
    }

    /// Whether a call without a key is let in.
    pub(in crate::server) fn gate(&self) -> Gate {
        if self.open || !self.locked.load(Ordering::Acquire) { Gate::Open } else { Gate::Locked }
    }

    /// Who it is that shows this.
    pub(in crate::server) async fn check(&self, token: Option<&Token>) -> Result<Caller, Problem> {
        let Some(token) = token else { return Ok(Caller::anybody(self.gate())?) };
        let known = self.known(token.id).await?.ok_or(Denied::Unknown)?;
        let (maker, now) = (self.maker(&known).await?, self.clock.now());
        let caller = Caller::of_key(Arc::clone(&known.key), maker.as_ref().map(|maker| &*maker.key), token, now)?;
        self.count(&known, now)?;
        Ok(caller)
    }

    /// Who it is whose browser has this session; whoever has none that is of use is as if it had shown nothing.
    pub(in crate::server) async fn check_session(&self, token: &SessionToken) -> Result<Caller, Problem> {
        let caller = self.of_session(token).await;
        match (caller, self.gate()) {
            (Err(_), Gate::Open) => Ok(Caller::anybody(Gate::Open)?),
            (caller, Gate::Open | Gate::Locked) => caller,
        }
    }

    async fn of_session(&self, token: &SessionToken) -> Result<Caller, Problem> {
        // Not remembered, so that one that was ended is of no use on any node.
        let session = {
            let _alone = self.lookups.lock().await;
            self.store.session(token.hash()).await?
        };
        let session = session.ok_or(Denied::Over)?;
        let known = self.known(session.key).await?.ok_or(Denied::Over)?;
        let (maker, now) = (self.maker(&known).await?, self.clock.now());
        let caller = Caller::of_session(&session, Arc::clone(&known.key), maker.as_ref().map(|maker| &*maker.key), now)?;
        self.count(&known, now)?;
        Ok(caller)
    }

    /// Begins a session of whoever shows this key or link; what its browser is to keep, and until when.
    pub(in crate::server) async fn sign_in(
        &self,
        token: &Token,
        entropy: &dyn Entropy,
    ) -> Result<(SessionToken, Session, Caller), Problem> {
        let caller = self.check(Some(token)).await?;
        let Some(key) = caller.key() else { return Err(Denied::Unknown.into()) };
        let (fresh, now) = (SessionToken::random(entropy), self.clock.now());
        let session = Session::begin(&fresh, key, now);
        self.store.open_session(session.clone(), now).await?;
        Ok((fresh, session, caller))
    }

    /// Ends a session.
    pub(in crate::server) async fn sign_out(&self, token: &SessionToken) -> Result<(), StoreError> {
        self.store.close_session(token.hash()).await
    }

    /// The key that made a link, which the link does not outlive.
    async fn maker(&self, known: &Known) -> Result<Option<Arc<Known>>, StoreError> {
        match (known.key.kind, known.key.made_by) {
            (Kind::Link, Some(id)) => self.known(id).await,
            (Kind::Link, None) | (Kind::Key, _) => Ok(None),
        }
    }

    /// Counts a call of a key.
    fn count(&self, known: &Known, now: Timestamp) -> Result<(), Denied> {
        known.used.store(now.as_millisecond(), Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        if let Some(rate) = known.key.rate_limit.or(self.rate_limit) {
            let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            known.pace.step(rate, now).map_err(|wait| Denied::TooMany(known.key.id, wait))?;
        }
        Ok(())
    }

    /// The key of this id, remembered or looked up. One that nobody knows is not remembered: guesses must not push out what is known.
    async fn known(&self, id: KeyId) -> Result<Option<Arc<Known>>, StoreError> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let _alone = self.lookups.lock().await;
        let changes = self.changes.load(Ordering::Acquire);
        let Some(key) = self.store.access_key(id).await? else { return Ok(None) };
        let fresh = Arc::new(Known { key: Arc::new(key), pace: Pace::default(), used: AtomicI64::new(0) });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::Acquire) != changes {
            return Ok(Some(fresh));
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        Ok(Some(Arc::clone(known.entry(id).or_insert(fresh))))
    }

    /// Keeps a new key; from now on each call needs one.
    pub(in crate::server) async fn add(&self, key: Key) -> Result<(), Problem> {
        let id = key.id;
        // Set before, so that no call without a key comes in between. Whoever made the first key has it, even if storing it failed.
        let was_locked = self.locked.swap(true, Ordering::AcqRel);
        let added = self.store.add_access_key(key).await;
        if !matches!(added, Ok(true)) && !was_locked {
            self.locked.store(self.store.knows_keys().await.unwrap_or(true), Ordering::Release);
        }
        if added? { Ok(()) } else { Err(Problem::key_exists(id)) }
    }

    /// Takes a key back; `None` when there is none of these.
    pub(in crate::server) async fn revoke(&self, whose: &Whose, id: KeyId) -> Result<Option<Key>, StoreError> {
        let revoked = self.store.revoke_access_key(whose, id, self.clock.now()).await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        known.remove(&id);
        revoked
    }
}
