-- oldest-program: 9
--
-- Processes: an external event that becomes one command for each line of its order. A row lasts from the commit that
-- records the event until that of its outcome, so the table is small. A program of before knows no such events, and
-- leaves the rows to a newer one.

create table if not exists processes (
	key bigint generated always as identity constraint processes_pkey primary key,
	-- By which the inbox knows the event.
	source text collate "C" not null,
	message_id text collate "C" not null,
	digest bigint not null,
	message text collate "C" not null,
	place text not null,
	payload bytea not null,
	orderid text collate "C" not null,
	-- The lines of the order when the process began.
	skus text[] collate "C" not null,
	qtys integer[] not null,
	begun_at timestamptz not null default now(),
	-- When another worker takes the process over, unless its own has claimed it again.
	due_at timestamptz not null,
	constraint processes_event unique (message_id, source),
	constraint processes_lines check (cardinality(skus) = cardinality(qtys))
);

create index if not exists processes_due on processes (due_at);

create index if not exists displaced_lines_order on displaced_lines (orderid);

-- Raises an error while the order is being cancelled: its lines would not be found under another id.
create or replace function expect_no_process(cancelled text) returns void language plpgsql as $$
begin
	if exists (select from processes where orderid = cancelled) then
		raise exception 'order % is being cancelled: try again when that has ended', cancelled using errcode = '55006';
	end if;
end
$$;
