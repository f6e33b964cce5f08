/* Digits, from the last to the first. */
#include "core/decimal.h"

#include <string.h>

size_t decimal_format(int64_t number, char *text)
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[DECIMAL_MAX], *end = digits + sizeof digits, *at = end;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		*--at = '-';
	memcpy(text, at, (size_t)(end - at));
	return (size_t)(end - at);
}

char *decimal_format_fixed(char *text, unsigned number, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return text + digits;
}
