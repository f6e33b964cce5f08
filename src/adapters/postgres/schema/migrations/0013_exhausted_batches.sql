-- oldest-program: 1
-- in steps
--
-- A product's batches without free stock, in order of preference. GET /products/SKU merges them with those of batches_open,
-- so a page costs the same whatever the product's history is. A batch enters this index when it leaves the other one, which
-- writes it anew in any case.

-- step
do $$
begin
	-- What an interrupted attempt left.
	if exists (select from pg_index where indexrelid = to_regclass('batches_exhausted') and not indisvalid) then
		drop index batches_exhausted;
	end if;
end
$$

-- step
create index concurrently if not exists batches_exhausted on batches (product_id, eta, reference) where not open

-- step
comment on index batches_exhausted is 'the batches of a product without free stock';
