/*
 * Hashes of texts for tables in memory.  They may change with the program: what is kept beyond its life
 * takes fnv1a() (see partition.h).
 *
 * Whoever chooses the texts can choose them to collide.  A table of a unit of work is small enough to bear
 * it; what is remembered longer is bounded, and names only what the database has.
 */
#ifndef ALLOCD_CORE_HASH_H
#define ALLOCD_CORE_HASH_H

#include <stdint.h>

uint64_t hash_number(uint64_t hash, uint64_t number);
uint64_t hash_text(const char *text);

#endif
