/* Formats integers by producing their digits from the last to the first, two at a time. */
#include "core/base/decimal.h"

#include <string.h>

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
			    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
			    "8081828384858687888990919293949596979899";

static size_t count_digits(uint64_t number)
{
	size_t count = 1;

	for (; number >= 100; number /= 100)
		count += 2;
	return count + (number >= 10);
}

size_t decimal_format_unsigned(uint64_t number, char *text)
{
	size_t length = count_digits(number);
	char *at = text + length;

	for (; number >= 100; number /= 100)
		memcpy(at -= 2, pairs + number % 100 * 2, 2);
	if (number >= 10)
		memcpy(text, pairs + number * 2, 2);
	else
		*text = (char)('0' + number);
	return length;
}

size_t decimal_format(int64_t number, char *text)
{
	if (number >= 0)
		return decimal_format_unsigned((uint64_t)number, text);
	*text = '-';
	return 1 + decimal_format_unsigned(-(uint64_t)number, text + 1);
}

const char *decimal_text(int64_t number, struct arena *arena)
{
	char digits[DECIMAL_MAX];

	return arena_text(arena, digits, decimal_format(number, digits));
}

char *decimal_format_fixed(char *text, unsigned number, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return text + digits;
}
