-- oldest-program: 1
--
-- ALLOCD_STREAM of the workers, as it is set: that of the first worker from this migration on that reads streams, until
-- `allocd streams resize` changes it. Null: no such worker has started yet. A worker of before does not ask.
alter table installation add column if not exists streams text;
