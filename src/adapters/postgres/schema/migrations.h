/* The migrations as they are embedded in the program: see migrations.py. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SCHEMA_MIGRATIONS_H
#define ALLOCD_ADAPTERS_POSTGRES_SCHEMA_MIGRATIONS_H

struct migration {
	int number;
	const char *name;
	int oldest_program; /* that works with it: the number of the newest migration it knows */
	const char *checksum;
	const char *const *steps;
	int step_count; /* 1: it is one transaction; more: only the last one is */
};

/* Number 1 first, without gaps. */
extern const struct migration migrations[];
extern const int migration_count;

#endif
