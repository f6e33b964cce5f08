-- oldest-program: 1
--
-- What every message paid for and nobody needed.  Nothing is rewritten; each table is locked for a moment.

-- Rows past their retention are found by going round the tables (see sweep.h).  A program of before finds
-- them still, but reads the tables whole for it.
drop index inbox_oldest;
drop index units_oldest;

-- The server reads a constraint from its catalog anew for every statement that writes.  What only a bug could
-- break, and shows afterwards, is looked for by `allocd verify`; that no batch has more allocated than
-- purchased stays.
alter table products
	drop constraint products_sku_length, drop constraint products_version, drop constraint products_revision;
alter table batches drop constraint batches_reference_length, drop constraint batches_original_qty;
alter table order_lines
	drop constraint order_lines_orderid_length, drop constraint order_lines_qty,
	drop constraint order_lines_version;
alter table outbox drop constraint outbox_versions;
alter table inbox drop constraint inbox_outcome;
