-- oldest-program: 9
--
-- What the last `allocd verify` found, which the workers report as a trouble until a later one finds nothing.

create table if not exists verification (
	only_row boolean primary key default true check (only_row),
	at timestamptz not null,
	breaches bigint not null,      -- of all rules
	view_breaches bigint not null  -- those of them that concern the read model
);
