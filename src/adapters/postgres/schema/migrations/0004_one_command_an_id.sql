-- oldest-program: 4
-- in steps
--
-- An id is spent once, whatever the command: the key of the inbox becomes (id, source).  Workers go on writing
-- meanwhile: the index is built beside them, and takes the old one's name and place in a moment.  Where two
-- commands have spent one id, the earlier one keeps it.
--
-- A program of before that still runs sees a duplicate as ever, for the key has its old name; but it looks an id
-- up by its command, too: one that meets an id of another command tries it again and again.

-- step
-- What an attempt left that was interrupted.
do $$
begin
	perform set_config('lock_timeout', '1s', true);
	if exists (select from pg_index where indexrelid = to_regclass('inbox_key') and not indisvalid) then
		drop index inbox_key;
	end if;
end
$$

-- step
delete from inbox i
using (select id, source from inbox group by id, source having count(*) > 1) as shared
where i.id = shared.id and i.source = shared.source and to_regclass('inbox_key') is null and exists (
	select from inbox earlier
	where earlier.id = i.id and earlier.source = i.source
		and (earlier.handled_at, earlier.ctid) < (i.handled_at, i.ctid)
)

-- step
create unique index concurrently if not exists inbox_key on inbox (id, source)

-- step
alter table inbox drop constraint inbox_pkey, add constraint inbox_pkey primary key using index inbox_key
