/*
 * Hashes of texts for tables in memory: keyed, so that nobody who chooses the texts can choose them to
 * collide.  They differ from one start of the program to the next: what is kept beyond its life takes
 * fnv1a() (see partition.h).
 */
#ifndef ALLOCD_CORE_HASH_H
#define ALLOCD_CORE_HASH_H

#include <stdint.h>

/* What is hashed of a text.  No reference, id or name is longer. */
#define HASH_TEXT_MAX 4096

/* Two for each eight bytes, two for a number, two for the end of the text, and one. */
#define HASH_KEY_WORDS (2 * HASH_TEXT_MAX / 8 + 5)

/*
 * Sets the key of this process; without it the key is always the same.  It must be random and secret, and be
 * set before the first hash: tables do not survive another one.
 */
void hash_set_key(const uint64_t key[HASH_KEY_WORDS]);

uint64_t hash_text(const char *text);

/* Of both together. */
uint64_t hash_text_with(const char *text, uint64_t number);

#endif
