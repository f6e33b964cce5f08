-- oldest-program: 1
--
-- What tells one incarnation of a stream from another: a mark that the stream itself bears, and loses with its
-- entries.  Ids of entries do not tell it: those of a Redis that came back empty may lie below and above what is known.
-- A program of before goes by the ids, as it did.

-- Of each stream: what its marks begin with; the incarnation of the latest of all that it had (null: the present one is);
-- and the incarnation whose mark was seen on it.
alter table streams
	add column if not exists life uuid not null default gen_random_uuid(),
	add column if not exists latest bigint,
	add column if not exists marked bigint;
