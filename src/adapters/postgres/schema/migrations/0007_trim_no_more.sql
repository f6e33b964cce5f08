-- oldest-program: 1
--
-- Drops no more dead letters than there are too many. The plan of the function before could run the query for the ones
-- to drop again for each row, which found further ones each time: it did while the table's statistics were those of a
-- nearly empty table, and then dropped all. An array is made once, whatever the plan.
create or replace function trim_dead_letters(at_most bigint) returns void language plpgsql as $$
declare
	surplus bigint := (select kept - at_most from dead_letter_totals);
	gone bigint;
begin
	if surplus <= 0 then
		return;
	end if;
	delete from dead_letters where ctid = any(array(
		select ctid from dead_letters order by (outcome = 'failed'), id + 0 limit surplus for update skip locked
	));
	get diagnostics gone = row_count;
	update dead_letter_totals set dropped = dropped + gone;
end
$$
