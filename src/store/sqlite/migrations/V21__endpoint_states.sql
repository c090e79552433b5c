-- Whether an endpoint is subscribed and whether it is suspended stand where its list is read, in the order of the list: whatever is asked for,
-- one index is read from the place where the page begins.
ALTER TABLE own_endpoints ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE own_endpoint_events ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE own_endpoint_events ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
UPDATE own_endpoints SET suspended = 1 WHERE row IN (
    SELECT o.row FROM endpoints l CROSS JOIN own_endpoints o ON o.tenant = l.tenant AND o.id = l.name WHERE l.suspended_at IS NOT NULL);
UPDATE own_endpoint_events SET (enabled, suspended) = (SELECT o.enabled, o.suspended FROM own_endpoints o WHERE o.row = endpoint)
    WHERE endpoint IN (SELECT row FROM own_endpoints WHERE NOT enabled OR suspended);

CREATE TRIGGER endpoints_suspended_or_not AFTER UPDATE OF suspended_at ON endpoints
    WHEN (NEW.suspended_at IS NULL) <> (OLD.suspended_at IS NULL) BEGIN
    UPDATE own_endpoints SET suspended = NEW.suspended_at IS NOT NULL WHERE tenant = NEW.tenant AND id = NEW.name;
END;
CREATE TRIGGER own_endpoints_suspended_or_not AFTER UPDATE OF suspended ON own_endpoints BEGIN
    UPDATE own_endpoint_events SET suspended = NEW.suspended WHERE endpoint = NEW.row;
END;

DROP INDEX own_endpoints_tenant;
DROP INDEX own_endpoints_enabled;
DROP INDEX endpoints_suspended_of;
CREATE INDEX own_endpoints_listed ON own_endpoints (tenant, row, enabled, suspended);
-- Few of many, mostly: they are not looked for among the others.
CREATE INDEX own_endpoints_inactive ON own_endpoints (tenant, row, enabled, suspended) WHERE NOT enabled OR suspended;
CREATE INDEX own_endpoints_made_by ON own_endpoints (tenant, dialect) WHERE dialect IS NOT NULL;
