-- oldest-program: 9
--
-- Leases: what only one worker may do at a time, such as reading a stream. A lease belongs to the worker that wrote its
-- term, a random one each time, so that a term never returns, not even after a failover to a standby that lags behind.
-- Each unit of work locks the leases by which its messages came, so it commits nothing under a lease that another worker
-- has taken; and a worker that takes a lease first waits until the units of work under it have committed or failed.
--
-- A program of before knows no leases, and reads the streams beside the one that has them.

create table if not exists leases (
	name text collate "C" constraint leases_pkey primary key,
	term uuid not null,
	-- The worker; null: nobody has it.
	holder uuid,
	-- How the next holder ends what this one may still be doing: the connections that read the stream.
	note text not null default '',
	since timestamptz not null default now()
);

-- The workers that are alive: each raises `beats` twice a second. Whether one is alive is judged by the others' clocks,
-- never by beat_at, which only shows operators when that was.
create table if not exists workers (
	id uuid constraint workers_pkey primary key,
	-- The same at each start of the same worker.
	name text not null,
	beats bigint not null default 1,
	-- A worker whose beats stand still for this long is dead.
	ttl_ms integer not null,
	-- The leases that it could have, one a line.
	candidacies text not null,
	started_at timestamptz not null default now(),
	beat_at timestamptz not null default now()
) with (fillfactor = 50);

create or replace function expect_leases(held bigint, expected bigint) returns void language plpgsql as $$
begin
	if held <> expected then
		raise exception 'another worker has taken a lease of this unit of work' using errcode = 'ZR003';
	end if;
end
$$;

-- The sessions whose transactions lock the lease. A lock of one session bears the number of its transaction, and one of
-- several sessions a number that stands for theirs; which it is, the row does not show.
create or replace function sessions_under_lease(lease text) returns setof integer language plpgsql as $$
declare
	locker xid := (select xmax from leases where name = lease);
begin
	return query
	select pid from pg_locks where locktype = 'transactionid' and transactionid = locker and granted;
	begin
		return query
		select l.pid
		from pg_get_multixact_members(locker) as member
		join pg_locks l on l.locktype = 'transactionid' and l.transactionid = member.xid and l.granted;
	exception when others then
		null; -- it is the number of a transaction
	end;
end
$$;
