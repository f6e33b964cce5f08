-- oldest-program: 9
--
-- The messages that each worker knows, one a line: an entry of a stream that only a newer program understands waits for it.
-- Of a program of before nothing is known.

alter table workers add column if not exists messages text not null default '';
