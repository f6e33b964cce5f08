-- oldest-program: 1
--
-- Drops only the dead letters beyond the limit. The function deleted by a join before. While the table's statistics were
-- those of a nearly empty one, the planner ran the joined query again for each row; it found further rows each time, and
-- all dead letters were dropped. An array is computed once, whatever the plan.
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
