//! Handing a program on: a row for each, and the files of the newest one, sealed like a key, since a secret may stand in them.

use tokio::sync::watch;

use super::Postgres;
use super::failure::Trouble;
use super::hub::{CHANNEL, Hub, on, within};
use super::keys::secret;
use super::link::Link;
use super::values::get;
use crate::store::StoreError;
use crate::store::programs::{Occasion, Offered, Standing};
use crate::vault::Place;

/// Where the files of the newest program are kept among the keys.
const PROGRAM: &str = "program";
/// Of the lock that is held while one is handed on: `whkg`.
const LOCK: i64 = 0x7768_6b67;
/// Bytes of the number that stands before the files.
const NUMBER: usize = size_of::<i64>();

impl Postgres {
    pub(in crate::store) async fn share_program(&self, offered: &Offered) -> Result<Standing, StoreError> {
        let standing = share(&self.hub, offered).await?;
        self.hub.heard_of_program(standing.number);
        Ok(standing)
    }

    pub(in crate::store) async fn shared_program(&self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let vault = self.hub.vault.get()?;
        let sealed = on!(self.hub, |link| {
            let row = link.first("SELECT material FROM keys WHERE name = $1", &[&PROGRAM]).await?;
            row.map(|row| get::<Vec<u8>>(&row, 0)).transpose()
        })?;
        let Some(sealed) = sealed else { return Ok(None) };
        let mut material = vault.open(Place::Key(PROGRAM), &sealed).map_err(|why| secret(PROGRAM, why))?;
        let number = material.first_chunk::<NUMBER>().map(|bytes| i64::from_be_bytes(*bytes));
        Ok(number.map(|number| (number, material.split_off(NUMBER))))
    }

    pub(in crate::store) fn newest_program(&self) -> watch::Receiver<i64> {
        self.hub.programs.subscribe()
    }
}

async fn share(hub: &Hub, offered: &Offered) -> Result<Standing, StoreError> {
    let vault = hub.vault.get()?;
    within!(hub, |link| {
        link.query("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        let newest = link.first("SELECT number, digest FROM generations ORDER BY number DESC LIMIT 1", &[]).await?;
        let newest = newest.map(|row| Ok::<_, Trouble>((get::<i64>(&row, 0)?, get::<Vec<u8>>(&row, 1)?))).transpose()?;
        if let Some((number, digest)) = &newest {
            let is_ours = *digest == offered.digest;
            if is_ours || (offered.occasion == Occasion::Start && is_outdated(hub, &link, &offered.digest).await?) {
                return Ok(Standing { number: *number, is_ours });
            }
        }
        let number = newest.map_or(0, |(number, _)| number) + 1;
        let note = "INSERT INTO generations (number, digest, version) VALUES ($1, $2, $3)";
        link.execute(note, &[&number, &offered.digest.as_slice(), &env!("CARGO_PKG_VERSION")]).await?;
        let sealed = vault.seal(Place::Key(PROGRAM), &[number.to_be_bytes().as_slice(), &offered.files].concat());
        let put = "INSERT INTO keys (name, material) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET material = excluded.material";
        link.execute(put, &[&PROGRAM, &sealed]).await?;
        link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &format!("{} g{number}", hub.node())]).await?;
        Ok(Standing { number, is_ours: true })
    })
}

/// Whether a program was in force before the newest one, and other nodes are at work that have taken that up.
async fn is_outdated(hub: &Hub, link: &Link, digest: &[u8]) -> Result<bool, Trouble> {
    let sql = "SELECT EXISTS (SELECT FROM generations WHERE digest = $1) AND EXISTS (SELECT FROM nodes WHERE row <> $2)";
    link.first(sql, &[&digest, &hub.node()]).await?.map_or(Ok(false), |row| get(&row, 0))
}
