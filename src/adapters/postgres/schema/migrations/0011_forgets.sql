-- oldest-program: 1
--
-- Orders whose ids `allocd forget` is replacing, by the SHA-256 of the id: one that was interrupted continues with the same
-- token, and a row is deleted when all is done.
create table if not exists forgets (
	digest bytea constraint forgets_pkey primary key,
	token text collate "C" not null
)
