-- oldest-program: 1
--
-- Whom a notification is for; null: everybody that the worker is configured for, as it is written with the commit.
-- Which recipients have theirs already must outlive the worker, or one that is refused for now would cost the
-- others a second copy.  A program of before never sent mail: it logs each of them.
alter table notifications add column if not exists recipient text;
