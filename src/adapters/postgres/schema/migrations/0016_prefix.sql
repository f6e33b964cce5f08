-- oldest-program: 1
--
-- The prefix of the channels and keys that the database belongs to: that of the first worker from this migration on, until
-- `allocd outbox renew --prefix` gives it to another one. Null: no such worker has started yet.
alter table installation add column if not exists prefix text;
