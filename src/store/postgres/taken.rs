//! The places of sources that have been taken in.

use super::Postgres;
use super::failure::Trouble;
use super::hub::on;
use super::link::Link;
use super::rows::write;
use super::values::get;
use crate::store::{StoreError, Taken};

/// Places that are asked for, or written, in one statement.
#[derive(Default)]
pub(super) struct Places<'a> {
    numbers: Vec<i64>,
    tenants: Vec<i64>,
    sources: Vec<&'a str>,
    positions: Vec<i64>,
}

impl<'a> Places<'a> {
    /// `number` is what it is called in the answer.
    pub(super) fn push(&mut self, number: i64, tenant: i64, taken: &'a Taken) {
        self.numbers.push(number);
        self.tenants.push(tenant);
        self.sources.push(&taken.source);
        self.positions.push(taken.position);
    }

    /// The numbers of those that were taken before. See [`Query::Taken`](crate::store::Query::Taken).
    pub(super) async fn ask(&self, link: &Link) -> Result<Vec<i64>, Trouble> {
        if self.numbers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT k.n FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS t, unnest($3::text[]) AS a,
            unnest($4::bigint[]) AS b) k
            JOIN taken m ON m.tenant = k.t AND m.source = k.a AND m.position = k.b";
        let rows = link.query(sql, &[&self.numbers, &self.tenants, &self.sources, &self.positions]).await?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    /// See [`Effects::taken`](crate::store::Effects::taken).
    pub(super) async fn take(&self, link: &Link) -> Result<(), Trouble> {
        let sql = "INSERT INTO taken (tenant, source, position) SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::bigint[])
            ON CONFLICT DO NOTHING";
        write(link, sql, !self.numbers.is_empty(), &[&self.tenants, &self.sources, &self.positions]).await.map(drop)
    }
}

impl Postgres {
    pub(in crate::store) async fn forget_taken(&self, source: &str, through: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM taken WHERE source = $1 AND position <= $2";
        on!(self.hub, |link| link.execute(sql, &[&source, &through]).await.map(drop))
    }
}
