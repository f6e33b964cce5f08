-- A least-privilege role for `allocd run --no-migrate` and for every operator's command but migrate.
--
--     allocd migrate                                                        # as the owner of the tables
--     psql DATABASE_URL -v role=allocd_worker -f deploy/worker-role.sql     # as the same owner
--     psql DATABASE_URL -c '\password allocd_worker'
--
-- The owner of the tables runs this, so that the tables of later migrations are granted too.  It may be run again.
-- It creates the role when it does not exist, which needs CREATEROLE.
\set ON_ERROR_STOP on
\if :{?role}
\else
	\set role allocd_worker
\endif
begin;
select format('create role %I login', :'role')
where not exists (select from pg_roles where rolname = :'role')
\gexec
-- A dry run of dead letters creates temporary tables.
select format('grant connect, temporary on database %I to %I', current_database(), :'role')
\gexec
select current_schema() as schema
\gset
grant usage on schema :"schema" to :"role";
grant select, insert, update, delete on all tables in schema :"schema" to :"role";
revoke insert, update, delete on migrations from :"role";
grant usage on all sequences in schema :"schema" to :"role";
grant execute on all functions in schema :"schema" to :"role";
-- Tables and sequences that later migrations create.
alter default privileges in schema :"schema" grant select, insert, update, delete on tables to :"role";
alter default privileges in schema :"schema" grant usage on sequences to :"role";
alter default privileges in schema :"schema" grant execute on functions to :"role";
commit;
