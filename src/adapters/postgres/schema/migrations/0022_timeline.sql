-- oldest-program: 9
--
-- Events are committed only on a timeline of the server on which the outbox was compared with what Redis has published:
-- a standby that is promoted may lack the last commits, and would give their positions in the outbox again.

-- The server's timeline, in hexadecimal. It needs no right, and works behind a pooler. A service that keeps Postgres' WAL
-- to itself has none: empty.
do $$
begin
	perform pg_walfile_name(pg_current_wal_insert_lsn());
	create or replace function wal_timeline() returns text language sql volatile as
		'select substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)';
exception when feature_not_supported or insufficient_privilege or undefined_function or object_not_in_prerequisite_state then
	create or replace function wal_timeline() returns text language sql immutable as 'select ''''::text';
end
$$;

-- Raises the failure of a flush of events on a timeline for which the outbox was not compared.
create or replace function refuse_timeline() returns boolean language plpgsql as $$
begin
	raise exception 'the server is on another timeline, and the outbox is not yet compared with what was published'
		using errcode = 'ZR004';
end
$$;
