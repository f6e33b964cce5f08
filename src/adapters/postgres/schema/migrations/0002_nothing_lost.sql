-- oldest-program: 1
--
-- What it takes to lose nothing and do nothing twice: how far streams were read, when pub/sub was not heard, what
-- operators did about dead letters, and which life of the database this is.

-- A restored database must get another incarnation (`allocd outbox renew`): what was published in the life that
-- is lost tells nothing about this one.
create table installation (
	incarnation uuid not null default gen_random_uuid(),
	heard_until timestamptz, -- when some worker last heard pub/sub
	only_row boolean not null default true constraint installation_pkey primary key,
	constraint installation_only_row check (only_row)
) with (fillfactor = 10);

insert into installation default values;

-- Ids of entries are two unsigned numbers of 64 bits; arrays are compared as the ids are.
create table streams (
	name text collate "C" constraint streams_pkey primary key,
	incarnation bigint not null default 1, -- how often it started over, and once
	highest numeric(20)[2] not null,       -- the highest id that it generated, as far as is known
	done numeric(20)[2] not null default '{0, 0}', -- every entry of this incarnation up to here was handled
	constraint streams_ids check (cardinality(highest) = 2 and cardinality(done) = 2)
) with (fillfactor = 10);

-- When commands on pub/sub were not heard: those that were published then are lost.
create table blind_windows (
	id bigint generated always as identity constraint blind_windows_pkey primary key,
	since timestamptz not null,
	until timestamptz not null,
	cause text not null,
	constraint blind_windows_told_once unique (until, cause),
	constraint blind_windows_order check (since <= until)
);

-- An entry of a stream that is delivered again is the same dead letter, with one attempt more.
alter table dead_letters add column incarnation bigint;
create unique index dead_letters_entry on dead_letters (place, incarnation, entry_id) where entry_id is not null;

-- What operators did: one row an attempt, so that no attempt can be made twice.
create table dead_letter_history (
	dead_letter_id bigint not null,
	attempt integer not null,
	action text collate "C" not null,
	who text not null,
	at timestamptz not null default now(),
	edits text not null default '',
	outcome text collate "C",
	reason text,
	message text collate "C" not null,
	message_id text,
	constraint dead_letter_history_pkey primary key (dead_letter_id, attempt),
	constraint dead_letter_history_action check (action in ('replayed', 'discarded'))
);

create index dead_letter_history_oldest on dead_letter_history (at);

-- The optimistic lock of dead letters, which raises as expect_revisions() does.
create function expect_attempts(same bigint, expected bigint) returns void language plpgsql as $$
begin
	if same <> expected then
		raise exception 'a dead letter was replayed or discarded by somebody else' using errcode = 'ZR002';
	end if;
end
$$;

-- Not on the id itself: while there are few, a plan might look for one by its id here, and read all of it later.
drop index dead_letters_leaving;
create index dead_letters_leaving on dead_letters ((outcome = 'failed'), (id + 0));

-- One that is being replayed stays: whoever replays it will want the totals, which we hold.
create or replace function trim_dead_letters(at_most bigint) returns void language plpgsql as $$
declare
	surplus bigint := (select kept - at_most from dead_letter_totals);
	gone bigint;
begin
	if surplus <= 0 then
		return;
	end if;
	delete from dead_letters d using (
		select id from dead_letters order by (outcome = 'failed'), id + 0 limit surplus for update skip locked
	) leaving where d.id = leaving.id;
	get diagnostics gone = row_count;
	update dead_letter_totals set dropped = dropped + gone;
end
$$;

-- For who asks what became of a message, and what it did: rows of the outbox come in the order of time, so this costs next to nothing.
create index dead_letters_message on dead_letters (message_id) where message_id is not null;
create index outbox_committed on outbox using brin (committed_at) with (autosummarize = on);
