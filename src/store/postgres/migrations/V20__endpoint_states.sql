-- Whether an endpoint is subscribed and whether it is suspended stand where its list is read, in the order of the list: whatever is asked for,
-- one index is read from the place where the page begins.
ALTER TABLE own_endpoints ADD COLUMN suspended boolean NOT NULL DEFAULT false;
UPDATE own_endpoints o SET suspended = true FROM endpoints l
    WHERE l.tenant = o.tenant AND l.name = o.id AND l.suspended_at IS NOT NULL;

CREATE FUNCTION endpoint_suspended_or_not() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE own_endpoints SET suspended = NEW.suspended_at IS NOT NULL WHERE tenant = NEW.tenant AND id = NEW.name;
    RETURN NULL;
END
$$;
CREATE TRIGGER endpoints_suspended_or_not AFTER UPDATE OF suspended_at ON endpoints FOR EACH ROW
    WHEN ((NEW.suspended_at IS NULL) <> (OLD.suspended_at IS NULL)) EXECUTE FUNCTION endpoint_suspended_or_not();

DROP INDEX own_endpoints_enabled;
DROP INDEX endpoints_suspended_of;
CREATE INDEX own_endpoints_listed ON own_endpoints (tenant, row) INCLUDE (enabled, suspended);
-- Few of many, mostly: they are not looked for among the others.
CREATE INDEX own_endpoints_inactive ON own_endpoints (tenant, row) INCLUDE (enabled, suspended) WHERE NOT enabled OR suspended;
