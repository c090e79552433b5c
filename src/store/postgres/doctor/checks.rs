//! What must hold between the rows of a store: a statement for each rule that selects the names of those that break it, and where a
//! repair is safe, the statement that makes it hold again. Adding a rule is adding a [`Check`].

use crate::store::Severity::{self, Error, Warning};

/// A rule about the rows.
pub(super) struct Check {
    pub name: &'static str,
    pub severity: Severity,
    /// What those are that break it.
    pub what: &'static str,
    pub help: &'static str,
    /// Selects one text a row: an id, or what names the row. `:now` is the time.
    pub find: &'static str,
    /// Statements that change exactly the rows that `find` selects; empty when that needs somebody who knows.
    pub repair: &'static [&'static str],
}

const REPAIR: &str = "run `webhookc doctor --repair`";
const RESTORE: &str = "restore a backup; what was saved since then has to be saved again";
const REPORT: &str = "keep a copy of the store and report a defect of webhookc";

/// The id of delivery `d`, which follows from its message's; its row if there is no message.
macro_rules! id {
    () => {
        "coalesce((SELECT 'dlv_' || substr(replace(m.id::text, '-', ''), 1, 27) || lpad(to_hex((d.row & 1048575) + 1), 5, '0')
        FROM messages m WHERE m.tenant = d.tenant AND m.row = d.row >> 20), 'row ' || d.row)"
    };
}

/// An unsettled ordered delivery of the same object and endpoint stands before delivery `d`.
macro_rules! an_earlier_one {
    () => {
        "EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant AND e.model = d.model
        AND e.object = d.object AND e.state < 2 AND e.bucket IS NOT NULL AND e.row < d.row)"
    };
}

macro_rules! blocked_for_nothing {
    () => {
        concat!("d.state < 2 AND d.blocked AND (d.bucket IS NULL OR NOT ", an_earlier_one!(), ")")
    };
}

macro_rules! out_of_order {
    () => {
        concat!("d.state < 2 AND NOT d.blocked AND d.bucket IS NOT NULL AND ", an_earlier_one!())
    };
}

/// The last sequence that each tenant has used.
macro_rules! used {
    () => {
        "(SELECT tenant, max(sequence) AS used FROM (SELECT tenant, sequence FROM messages UNION ALL SELECT tenant, sequence FROM objects
        UNION ALL SELECT tenant, sequence FROM traces) s GROUP BY tenant)"
    };
}

/// Row `r` belongs to a delivery that is gone. (`NOT IN` would be tried for each pair of rows.)
macro_rules! of_no_delivery {
    () => {
        "NOT EXISTS (SELECT FROM deliveries d WHERE d.tenant = r.tenant AND d.row = r.delivery)"
    };
}

/// All of them. States: 0 pending, 1 sending, from 2 on settled: delivered, diverted, failed.
pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "unknown-state",
        severity: Error,
        what: "deliveries in a state that this program does not know",
        help: RESTORE,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE state NOT IN (0, 1, 2, 3, 4)"),
        repair: &[],
    },
    Check {
        name: "never-due",
        severity: Error,
        what: "deliveries that are not settled and will not be due for more than 400 days",
        help: "send them again with `POST …/deliveries/ID/resend`",
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE state = 0 AND due_at > :now + 400 * 86400000::bigint"),
        repair: &[],
    },
    Check {
        name: "endless-lease",
        severity: Error,
        what: "deliveries that are leased for longer than any request lasts",
        help: REPAIR,
        // An hour is many times the longest deadline of a request.
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE state = 1 AND due_at > :now + 3600000"),
        repair: &["UPDATE deliveries SET state = 0, due_at = created_at, node = NULL WHERE state = 1 AND due_at > :now + 3600000"],
    },
    Check {
        name: "blocked-for-nothing",
        severity: Error,
        what: "deliveries that wait for an earlier one of their object, with none that is not settled",
        help: REPAIR,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE ", blocked_for_nothing!()),
        repair: &[concat!("UPDATE deliveries AS d SET blocked = false WHERE ", blocked_for_nothing!())],
    },
    Check {
        name: "out-of-order",
        severity: Error,
        what: "ordered deliveries that could be sent before an earlier one of their object",
        help: REPAIR,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE ", out_of_order!()),
        repair: &[concat!("UPDATE deliveries AS d SET blocked = true WHERE ", out_of_order!())],
    },
    Check {
        name: "settled-without-time",
        severity: Error,
        what: "deliveries of which the state and the time of settlement do not agree",
        help: REPAIR,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE (state >= 2) <> (settled_at IS NOT NULL)"),
        repair: &["UPDATE deliveries SET settled_at = CASE WHEN state >= 2 THEN :now END WHERE (state >= 2) <> (settled_at IS NOT NULL)"],
    },
    Check {
        name: "attempts-not-counted",
        severity: Error,
        what: "deliveries whose number of attempts is not that of the attempts recorded",
        help: REPORT,
        find: concat!(
            "SELECT ",
            id!(),
            " FROM deliveries d WHERE attempts <> (SELECT count(*) FROM attempts a WHERE a.tenant = d.tenant AND a.delivery = d.row) OR spent > attempts"
        ),
        repair: &[],
    },
    Check {
        name: "body-missing",
        severity: Error,
        what: "deliveries without the body that is their own",
        help: RESTORE,
        find: concat!(
            "SELECT ",
            id!(),
            " FROM deliveries d WHERE content_type IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bodies b WHERE b.tenant = d.tenant AND b.delivery = d.row)"
        ),
        repair: &[],
    },
    Check {
        name: "message-missing",
        severity: Error,
        what: "deliveries without their message",
        help: RESTORE,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.tenant = d.tenant AND m.row = d.row >> 20)"),
        repair: &[],
    },
    Check {
        name: "endpoint-missing",
        severity: Error,
        what: "deliveries to an endpoint that the store does not know",
        help: RESTORE,
        find: concat!("SELECT ", id!(), " FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.tenant = d.tenant AND e.row = d.endpoint)"),
        repair: &[],
    },
    Check {
        name: "tenant-missing",
        severity: Error,
        what: "rows of a tenant that the store does not know",
        help: RESTORE,
        find: "SELECT what || ' of tenant ' || tenant FROM (
            SELECT 'objects' AS what, tenant FROM objects UNION SELECT 'marks', tenant FROM marks UNION SELECT 'waits', tenant FROM waits
            UNION SELECT 'traces', tenant FROM traces UNION SELECT 'messages', tenant FROM messages
            UNION SELECT 'deliveries', tenant FROM deliveries) r WHERE tenant NOT IN (SELECT row FROM tenants)",
        repair: &[],
    },
    Check {
        name: "left-over",
        severity: Error,
        what: "attempts and bodies of deliveries that are gone",
        help: REPAIR,
        find: concat!(
            "SELECT 'attempt of row ' || delivery FROM attempts r WHERE ",
            of_no_delivery!(),
            " UNION ALL SELECT 'body of row ' || delivery FROM bodies r WHERE ",
            of_no_delivery!()
        ),
        repair: &[
            concat!("DELETE FROM attempts r WHERE ", of_no_delivery!()),
            concat!("DELETE FROM bodies r WHERE ", of_no_delivery!()),
        ],
    },
    Check {
        name: "decision-table-missing",
        severity: Error,
        what: "explanations of saves that cannot be read, since what the webhooks asked is not there",
        help: RESTORE,
        find: "SELECT model || '/' || object FROM traces t WHERE decision_table IS NOT NULL
            AND NOT EXISTS (SELECT FROM decision_tables d WHERE d.tenant = t.tenant AND d.row = t.decision_table)",
        repair: &[],
    },
    Check {
        name: "object-missing",
        severity: Error,
        what: "messages about objects that neither exist nor were deleted",
        help: RESTORE,
        // Operational events, such as `endpoint.suspended`, are about no object; no webhook has a dot in its name.
        find: "SELECT 'msg_' || replace(id::text, '-', '') FROM messages m WHERE operation <> 'delete' AND strpos(event, '.') = 0
            AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.tenant = m.tenant AND o.model = m.model AND o.id = m.object)
            AND NOT EXISTS (SELECT 1 FROM traces t WHERE t.tenant = m.tenant AND t.model = m.model AND t.object = m.object
                AND t.operation = 'delete')",
        repair: &[],
    },
    Check {
        name: "fired-twice",
        severity: Error,
        what: "messages of one webhook, object and save more than once, or deliveries of one message to one endpoint",
        help: REPORT,
        find: "SELECT 'msg_' || replace(max(id::text), '-', '') FROM messages WHERE strpos(event, '.') = 0
            GROUP BY tenant, event, model, object, sequence HAVING count(*) > 1
            UNION ALL SELECT 'a delivery to ' || (SELECT name FROM endpoints e WHERE e.tenant = d.tenant AND e.row = d.endpoint) FROM deliveries d
            GROUP BY tenant, row >> 20, endpoint HAVING count(*) > 1",
        repair: &[],
    },
    Check {
        name: "mark-without-message",
        severity: Error,
        what: "ready webhooks that are used up for an object without ever having fired for it",
        help: REPORT,
        find: "SELECT k.event || '/' || k.object FROM marks k JOIN tenants t ON t.row = k.tenant
            WHERE k.sequence > t.pruned_through AND NOT EXISTS (SELECT 1 FROM messages m
            WHERE m.tenant = k.tenant AND m.event = k.event AND m.object = k.object AND m.sequence = k.sequence)",
        repair: &[],
    },
    Check {
        name: "message-without-mark",
        severity: Warning,
        what: "firings of ready webhooks that left no mark, so that they may fire again",
        help: "it is harmless if the type of the webhook was `update` when they fired; otherwise restore a backup",
        // Between two saves that left marks of a webhook, its type was `ready`.
        find: "SELECT 'msg_' || replace(m.id::text, '-', '') FROM messages m JOIN (SELECT tenant, event, min(sequence) AS first, max(sequence) AS last
            FROM marks GROUP BY tenant, event) r ON r.tenant = m.tenant AND r.event = m.event AND m.sequence BETWEEN r.first AND r.last
            WHERE NOT EXISTS (SELECT 1 FROM marks k WHERE k.tenant = m.tenant AND k.event = m.event AND k.object = m.object)",
        repair: &[],
    },
    Check {
        name: "waits-for-nothing",
        severity: Warning,
        what: "firings that wait for an object that is there",
        help: "save the object that they are about again, which decides them",
        find: "SELECT w.event || '/' || w.object FROM waits w JOIN objects o ON o.tenant = w.tenant AND o.model = w.for_model
            AND o.id = w.for_id",
        repair: &[],
    },
    Check {
        name: "sequence-behind",
        severity: Error,
        what: "tenants whose last sequence is less than one that was used",
        help: REPAIR,
        find: concat!("SELECT tenants.name FROM tenants JOIN ", used!(), " u ON u.tenant = tenants.row WHERE u.used > tenants.sequence"),
        repair: &[concat!(
            "UPDATE tenants SET sequence = u.used FROM ",
            used!(),
            " u WHERE u.tenant = tenants.row AND u.used > tenants.sequence"
        )],
    },
];
