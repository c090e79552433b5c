//! What tenants have said of their endpoints, encrypted anew when the key of the store is another one, or when nothing was encrypted before.

use super::failure::Trouble;
use super::link::Link;
use super::values::get;
use crate::store::sealed;
use crate::vault::Vault;

/// Endpoints that are encrypted anew in one transaction.
const TOGETHER: i64 = 256;

/// Every endpoint's id with what is said of it, as it is stored.
pub(super) async fn all(link: &Link) -> Result<Vec<(String, String)>, Trouble> {
    let rows = link.query_once("SELECT id, definition FROM own_endpoints", &[]).await?;
    rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
}

/// Encrypts some behind the row `after`; how many, and the last of them. `None` when all are encrypted with the key in force.
pub(super) async fn reseal(link: &Link, vault: &Vault, after: i64) -> Result<Option<(u64, i64)>, Trouble> {
    let current = sealed::beginning(vault.current());
    let sql =
        "SELECT row, id, definition FROM own_endpoints WHERE row > $1 AND NOT starts_with(definition, $2) ORDER BY row LIMIT $3 FOR UPDATE";
    let (mut done, mut last) = (0, None);
    for row in &link.query(sql, &[&after, &current, &TOGETHER]).await? {
        let (number, id, stored): (i64, String, String) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        let anew = sealed::reseal(vault, &id, &stored)?;
        link.execute("UPDATE own_endpoints SET definition = $2 WHERE row = $1", &[&number, &anew]).await?;
        (done, last) = (done + 1, Some(number));
    }
    Ok(last.map(|last| (done, last)))
}
