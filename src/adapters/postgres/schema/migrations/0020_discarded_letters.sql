-- oldest-program: 1
--
-- Dead letters that an operator discarded, for the 7 days in which they can be restored. The discard counts as the last attempt.
-- A program of before deletes what it discards.
create table if not exists discarded_letters (
	like dead_letters including constraints,
	constraint discarded_letters_pkey primary key (id)
);

create index if not exists discarded_letters_oldest on discarded_letters (last_at);

-- An entry of a stream that became a dead letter again, and was discarded again, is kept once.
create index if not exists discarded_letters_entry on discarded_letters (place, incarnation, entry_id) where entry_id is not null;

alter table dead_letter_history drop constraint if exists dead_letter_history_action;
-- The rows of before need no check.
alter table dead_letter_history add constraint dead_letter_history_action check (action in ('replayed', 'discarded', 'restored')) not valid;
