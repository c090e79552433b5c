//! What can be distributed by tenant: every table that has a tenant has it first in its keys, and every other table is named here and on the
//! page about nodes. A new table belongs into one of the two lists, or into the database's tables that have the tenant first.

use crate::script::Place;

/// Tables that are distributed by tenant: its row is the first column of the primary key and of every unique index.
const OF_TENANTS: [&str; 16] = [
    "attempts",
    "bodies",
    "decision_tables",
    "deliveries",
    "endpoints",
    "gone_lanes",
    "marks",
    "messages",
    "objects",
    "own_endpoints",
    "receipts",
    "recordings",
    "resends",
    "taken",
    "traces",
    "waits",
];
/// The only one of them in which the tenant is its name.
const BY_NAME: &str = "receipts";
/// Tables of all tenants and nodes: small, and found as a whole on one server.
const OF_ALL: [&str; 13] = [
    "access_keys",
    "audit",
    "format",
    "generations",
    "gone_nodes",
    "keys",
    "nodes",
    "probe",
    "programs",
    "retired_keys",
    "sessions",
    "sources",
    "tenants",
];

fn lines(place: &Place, sql: &str) -> Vec<String> {
    place.change(sql).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_table_has_the_tenant_first_or_is_of_all() {
    let place = Place::new();
    let tables = lines(
        &place,
        "SELECT relname FROM pg_class WHERE relnamespace = 'webhookc'::regnamespace AND relkind IN ('r', 'p')
             AND relname <> 'refinery_schema_history' ORDER BY relname COLLATE \"C\"",
    );
    let mut listed: Vec<&str> = OF_TENANTS.iter().chain(&OF_ALL).copied().collect();
    listed.sort_unstable();
    assert_eq!(tables, listed, "a table is missing in the lists above, or is gone");
    let first = "SELECT c.relname, coalesce(a.attname, '(expression)'), format_type(a.atttypid, NULL) FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE c.relnamespace = 'webhookc'::regnamespace AND i.indisunique ORDER BY c.relname";
    let mut with_key = Vec::new();
    for line in lines(&place, first) {
        let [table, column, kind] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        if OF_TENANTS.contains(&table) {
            assert_eq!(column, "tenant", "the first column of a unique index of `{table}`");
            assert_eq!(kind, if table == BY_NAME { "text" } else { "bigint" }, "the tenant in `{table}`");
            with_key.push(table.to_owned());
        }
    }
    with_key.dedup();
    assert_eq!(with_key, OF_TENANTS, "each has a key");
    let with_tenant = lines(
        &place,
        "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'webhookc'::regnamespace
            AND c.relkind IN ('r', 'p') AND a.attname = 'tenant' ORDER BY c.relname COLLATE \"C\"",
    );
    let of_all_with_tenant: Vec<&String> = with_tenant.iter().filter(|table| !OF_TENANTS.contains(&table.as_str())).collect();
    assert_eq!(of_all_with_tenant, ["access_keys", "audit"], "others that speak of a tenant belong to it");
}

#[tokio::test]
async fn the_page_about_nodes_says_what_there_is() {
    let page = include_str!("../../docs/src/nodes.md");
    for table in OF_TENANTS.iter().chain(&OF_ALL) {
        assert!(page.contains(&format!("`{table}`")), "`{table}` is not on the page");
    }
    let place = Place::new();
    let there = |sql: &str| lines(&place, sql);
    let triggers = "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'webhookc'::regnamespace AND NOT tgisinternal";
    assert_eq!(there(triggers), ["endpoints_suspended_or_not"]);
    assert!(page.contains("`endpoints_suspended_or_not`"));
    assert_eq!(there("SELECT proname FROM pg_proc WHERE pronamespace = 'webhookc'::regnamespace"), ["endpoint_suspended_or_not"]);
    assert_eq!(there("SELECT conname FROM pg_constraint WHERE connamespace = 'webhookc'::regnamespace AND contype = 'f'"), [""; 0]);
    assert_eq!(there("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'"), [""; 0]);
    // All sequences are those of identity columns, of which the page names the tables.
    let sequences = "SELECT d.refobjid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype = 'i'
            WHERE s.relnamespace = 'webhookc'::regnamespace AND s.relkind = 'S' AND d.refobjsubid > 0 ORDER BY 1";
    assert_eq!(there(sequences), ["audit", "endpoints", "nodes", "own_endpoints", "programs", "resends", "tenants"]);
    let all = "SELECT count(*) FROM pg_class WHERE relnamespace = 'webhookc'::regnamespace AND relkind = 'S'";
    assert_eq!(there(all), ["7"]);
    for (sql, word) in [("LISTEN", "`LISTEN`/`NOTIFY`"), ("advisory", "advisory locks"), ("SKIP LOCKED", "`FOR UPDATE SKIP LOCKED`")] {
        assert!(page.contains(word), "{sql}");
    }
}
