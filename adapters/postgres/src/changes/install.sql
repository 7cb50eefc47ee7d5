-- Transom's bookkeeping, in a schema of its own. Run as a whole, in one transaction, by whoever finds it missing.
CREATE SCHEMA IF NOT EXISTS _transom;

-- Where triggers put changes: in any order, without a position.
CREATE TABLE _transom.inbox (
  local bigint GENERATED ALWAYS AS IDENTITY,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  schema_name text NOT NULL,
  table_name text NOT NULL,
  kind text NOT NULL,
  key_columns text[] NOT NULL,
  before json,
  after json,
  cause text DEFAULT current_setting('transom.cause', true),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Where they stay: each has a position, and positions have no gaps.
CREATE TABLE _transom.changes (
  position bigint PRIMARY KEY,
  transaction xid8 NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  kind text NOT NULL,
  key_columns text[] NOT NULL,
  before json,
  after json,
  cause text,
  at timestamptz NOT NULL
);

-- The newest position that was given; it only grows, whatever becomes of the changes.
CREATE TABLE _transom.log (newest bigint NOT NULL, alone boolean PRIMARY KEY DEFAULT true CHECK (alone));
INSERT INTO _transom.log (newest) VALUES (0);

CREATE TABLE _transom.migrations (
  number bigint PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE _transom.idempotency (
  scope text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  outcomes text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (scope, key)
) WITH (fillfactor = 70);
CREATE INDEX idempotency_at ON _transom.idempotency (at);

-- Every function below that makes images shows values in one way, whatever the session that writes has chosen.

-- One row at a time: for tables where the order among triggers, or the partition a row is in, matters.
CREATE FUNCTION _transom.log_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, after)
    VALUES (TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(NEW));
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, before, after)
    VALUES (TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(OLD), row_to_json(NEW));
  ELSE
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, before)
    VALUES (TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(OLD));
  END IF;
  RETURN NULL;
END $$;

-- All rows of a statement at once. The old and new rows of an update are kept in the same order, which pairs them. The plan is
-- made once for few and many rows: a nested loop would be good for few alone.
CREATE FUNCTION _transom.log_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1 SET enable_nestloop = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, after)
    SELECT TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(new_row) FROM new_rows AS new_row;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, before, after)
    SELECT TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(old_one.image), row_to_json(new_one.image)
    FROM (SELECT row_number() OVER () AS place, old_row AS image FROM old_rows AS old_row) AS old_one
    JOIN (SELECT row_number() OVER () AS place, new_row AS image FROM new_rows AS new_row) AS new_one USING (place)
    ORDER BY place;
  ELSE
    INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, before)
    SELECT TG_ARGV[0], TG_ARGV[1], TG_OP, TG_ARGV[2]::text[], row_to_json(old_row) FROM old_rows AS old_row;
  END IF;
  RETURN NULL;
END $$;

-- A table that is emptied at once has all of its rows deleted.
CREATE FUNCTION _transom.log_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1 SET row_security = off AS $$
BEGIN
  EXECUTE format(
    'INSERT INTO _transom.inbox (schema_name, table_name, kind, key_columns, before)
     SELECT $1, $2, ''DELETE'', $3::text[], row_to_json(old_row) FROM %I.%I AS old_row',
    TG_TABLE_SCHEMA, TG_TABLE_NAME) USING TG_ARGV[0], TG_ARGV[1], TG_ARGV[2];
  RETURN NULL;
END $$;

-- Gives every change that is committed a position. What is not committed yet is not seen, and comes later: so no one who
-- has read up to a position ever misses what stands before it. A transaction stands behind all those whose rows it
-- changed again: it noted that after they had ended. (An order by transaction ids would not have it so.)
-- Whole transactions, no more than hold about so many changes; the others wait for the next time.
CREATE FUNCTION _transom.settle(most bigint, OUT newest_is bigint, OUT moved bigint, OUT lag_ms bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  moved := 0;
  lag_ms := 0;
  IF EXISTS (SELECT FROM _transom.inbox) THEN
    PERFORM pg_advisory_xact_lock(1416782190, 2);
    -- What was told of a position must not be another after a crash.
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    SELECT newest INTO newest_is FROM _transom.log;
    WITH ended AS (SELECT transaction, max(local) AS last, count(*) AS many FROM _transom.inbox GROUP BY transaction),
    queued AS (SELECT transaction, last, sum(many) OVER (ORDER BY last) - many AS ahead FROM ended),
    taken AS (
      DELETE FROM _transom.inbox USING queued
      WHERE inbox.transaction = queued.transaction AND ahead < most RETURNING inbox.*, queued.last),
    placed AS (SELECT *, row_number() OVER (ORDER BY last, local) AS place FROM taken),
    kept AS (
      INSERT INTO _transom.changes
        (position, transaction, schema_name, table_name, kind, key_columns, before, after, cause, at)
      SELECT newest_is + place, transaction, schema_name, table_name, kind, key_columns, before, after, cause, at
      FROM placed ORDER BY place
      RETURNING at)
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)) * 1000, 0)
    INTO moved, lag_ms FROM kept;
    IF moved > 0 THEN
      UPDATE _transom.log SET newest = newest_is + moved;
      PERFORM pg_notify('_transom_changes', (newest_is + moved)::text);
    END IF;
  END IF;
  SELECT newest INTO newest_is FROM _transom.log;
END $$;

-- Follows a table from now on, or anew where its name, its key or its triggers are others than before.
CREATE FUNCTION _transom.follow(relation oid) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  schema_is text;
  table_is text;
  by_row boolean;
  keys text[];
  arguments text;
  wanted text[];
  found_ones text[];
BEGIN
  SELECT nspname, relname, relkind = 'p' OR relispartition OR EXISTS (
    -- 1: for each row; 2 and 64: not after.
    SELECT FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal AND tgname NOT LIKE '\_transom\_%'
      AND tgtype & 1 = 1 AND tgtype & 66 = 0)
  INTO STRICT schema_is, table_is, by_row
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = relation;

  SELECT coalesce(array_agg(attname::text ORDER BY place), '{}') INTO keys
  FROM pg_index CROSS JOIN LATERAL unnest(indkey::int2[]) WITH ORDINALITY AS part (attribute, place)
  JOIN pg_attribute ON attrelid = relation AND attnum = attribute
  WHERE indrelid = relation AND indisprimary;

  -- As the catalog keeps a trigger's arguments: each with a zero behind it.
  SELECT encode(string_agg(convert_to(argument, getdatabaseencoding()) || '\x00'::bytea, ''::bytea ORDER BY place), 'hex')
  INTO arguments FROM unnest(ARRAY[schema_is, table_is, keys::text]) WITH ORDINALITY AS said (argument, place);
  SELECT array_agg(name || ':' || arguments) INTO wanted FROM unnest(CASE
    WHEN by_row THEN ARRAY['_transom_row', '_transom_truncate']
    ELSE ARRAY['_transom_delete', '_transom_insert', '_transom_truncate', '_transom_update'] END) AS name;
  SELECT array_agg(tgname::text || ':' || encode(tgargs, 'hex') ORDER BY tgname::text COLLATE "C") INTO found_ones
  FROM pg_trigger
  WHERE tgrelid = relation AND tgname LIKE '\_transom\_%' AND tgparentid = 0 AND tgenabled <> 'D';
  IF found_ones = wanted THEN
    RETURN;
  END IF;

  PERFORM _transom.unfollow(relation);
  arguments := format('(%L, %L, %L)', schema_is, table_is, keys::text);
  EXECUTE format('CREATE TRIGGER _transom_truncate BEFORE TRUNCATE ON %I.%I
    EXECUTE FUNCTION _transom.log_truncate', schema_is, table_is) || arguments;
  IF by_row THEN
    EXECUTE format('CREATE TRIGGER _transom_row AFTER INSERT OR UPDATE OR DELETE ON %I.%I
      FOR EACH ROW EXECUTE FUNCTION _transom.log_row', schema_is, table_is) || arguments;
    RETURN;
  END IF;
  EXECUTE format('CREATE TRIGGER _transom_insert AFTER INSERT ON %I.%I
    REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION _transom.log_statement', schema_is, table_is) || arguments;
  EXECUTE format('CREATE TRIGGER _transom_update AFTER UPDATE ON %I.%I
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    EXECUTE FUNCTION _transom.log_statement', schema_is, table_is) || arguments;
  EXECUTE format('CREATE TRIGGER _transom_delete AFTER DELETE ON %I.%I
    REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION _transom.log_statement', schema_is, table_is) || arguments;
END $$;

-- Follows a table no more.
CREATE FUNCTION _transom.unfollow(relation oid) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tgname FROM pg_trigger
    WHERE tgrelid = relation AND tgname LIKE '\_transom\_%' AND tgparentid = 0
  LOOP
    EXECUTE format('DROP TRIGGER %I ON ', name) || relation::regclass::text;
  END LOOP;
END $$;

-- The tables that are followed.
CREATE VIEW _transom.followed AS
SELECT DISTINCT tgrelid AS relation, nspname AS schema_name, relname AS table_name
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE tgname LIKE '\_transom\_%' AND tgparentid = 0;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA _transom FROM PUBLIC;
COMMENT ON SCHEMA _transom IS 'Transom keeps its books here: version 1';
