/*
 * Keyed hashes of texts, for tables in memory, and a hash that never changes, for stored data.
 *
 * A sender of messages cannot choose names that collide under a keyed hash.  Keyed hashes differ from one
 * start of the program to the next.
 */
#ifndef ALLOCD_CORE_BASE_HASH_H
#define ALLOCD_CORE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Only this many bytes of a text are hashed.  No reference, id or name is longer. */
#define HASH_TEXT_MAX 4096

/* The key has two words for each eight bytes, two for a number, two for the end of the text, and one more. */
#define HASH_KEY_WORDS (2 * HASH_TEXT_MAX / 8 + 5)

/*
 * Sets the key of this process; without it a constant key is used.  The key must be random and secret, and
 * set before the first hash: entries of a table that was filled under another key are not found again.
 */
void hash_set_key(const uint64_t key[HASH_KEY_WORDS]);

uint64_t hash_text(const char *text);

/* The hash of a text and a number together. */
uint64_t hash_text_with(const char *text, uint64_t number);

/*
 * FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/), for hashes that are stored.  `hash` is
 * FNV_BASIS, or the hash of the bytes before these.
 */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
uint64_t fnv1a(uint64_t hash, const void *bytes, size_t size);

#endif
