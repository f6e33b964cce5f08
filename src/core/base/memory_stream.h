/*
 * A stream that writes into memory.  When there is no more, the process ends (must.h); the text of glibc's
 * open_memstream() is cut off then, or NULL.
 */
#ifndef ALLOCD_CORE_BASE_MEMORY_STREAM_H
#define ALLOCD_CORE_BASE_MEMORY_STREAM_H

#include <stddef.h>
#include <stdio.h>

/*
 * From fclose() on, `*text` is what was written: `*size` bytes, and a NUL behind them.  The caller releases
 * it with free().
 */
FILE *memory_stream_open(char **text, size_t *size);

#endif
