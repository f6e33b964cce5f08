/*
 * A fuzz target is a file that gives any bytes to a reader of the program, and judges what becomes of them.
 *
 * `./dev fuzz` links it with libFuzzer (https://llvm.org/docs/LibFuzzer.html), which makes up inputs that
 * reach more and more of the code.  Every other build links it with corpus.c, which plays those of corpus/.
 */
#ifndef ALLOCD_TESTS_FUZZ_H
#define ALLOCD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The target.  Returns 0; ends the process if the program's answer to these bytes is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Most pieces that an input is read in: with one of a byte each, a long input would take the time of many. */
#define FUZZ_PIECES_MAX 512

/* The size of the smallest pieces: one byte, unless the input is long. */
static inline size_t fuzz_smallest_piece(size_t size)
{
	return 1 + size / FUZZ_PIECES_MAX;
}

/* Ends the process, with the place and a sentence, unless the condition holds. */
#define fuzz_expect(condition, ...)                                                                          \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fuzz_fail(__FILE__, __LINE__, __VA_ARGS__);                                          \
	} while (0)

__attribute__((format(printf, 3, 4), noreturn)) void fuzz_fail(const char *file, int line, const char *format,
							       ...);

#endif
