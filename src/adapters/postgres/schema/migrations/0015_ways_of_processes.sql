-- oldest-program: 9
--
-- How the event of a process came. One that came by a stream is not taken over before the entries in front of it are
-- read, whatever the worker reads. Empty: the process began before this migration, or by a program of before.
alter table processes add column if not exists way text not null default '';
