-- oldest-program: 1
--
-- Deletes dead letters whose last attempt was more than `days` ago, among the `at_most` that follow the letter `after` in
-- the order of their ids. Returns the number of letters that were looked at, the number of those deleted, and the id of the
-- last one that was looked at. A function, because a DELETE that finds nothing would still lock the totals, for which a
-- session that removes dead letters makes others wait. A letter that is being replayed stays: its replay will want the
-- totals, which this transaction holds.
create or replace function expire_dead_letters(after bigint, days integer, at_most integer, out seen bigint, out gone bigint, out last bigint)
language plpgsql as $$
declare
	expired bigint[];
begin
	select count(*), coalesce(max(id), after),
		array_agg(id order by id) filter (where last_at < now() - make_interval(days => expire_dead_letters.days))
	into seen, last, expired
	from (
		select id, last_at from dead_letters
		where id > expire_dead_letters.after
		order by id
		limit expire_dead_letters.at_most
	) as page;
	gone := 0;
	if expired is null then
		return;
	end if;
	-- A replay that was committed meanwhile has made the letter young again.
	delete from dead_letters where ctid = any(array(
		select d.ctid
		from unnest(expired) as w(id)
		cross join lateral (
			select ctid from dead_letters
			where id = w.id and last_at < now() - make_interval(days => expire_dead_letters.days)
			for update skip locked
		) as d
	));
	get diagnostics gone = row_count;
	update dead_letter_totals set dropped = dropped + gone where gone > 0;
end
$$;
