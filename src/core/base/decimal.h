/* Integers as decimal text.  Every message has several, and printf takes its time for each. */
#ifndef ALLOCD_CORE_BASE_DECIMAL_H
#define ALLOCD_CORE_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 20 /* digits and sign of any of them, without a NUL */

/* Writes `number` to `text`, without a NUL; returns how many bytes it took, DECIMAL_MAX at most. */
size_t decimal_format(int64_t number, char *text);
size_t decimal_format_unsigned(uint64_t number, char *text);

/* Writes the last `digits` digits, zeros in front, without a NUL; returns the place behind them. */
char *decimal_format_fixed(char *text, unsigned number, int digits);

#endif
