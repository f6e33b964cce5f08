/* Formats integers by producing their digits from the last to the first. */
#include "core/base/decimal.h"

#include <string.h>

size_t decimal_format_unsigned(uint64_t number, char *text)
{
	char digits[DECIMAL_MAX], *end = digits + sizeof digits, *at = end;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	memcpy(text, at, (size_t)(end - at));
	return (size_t)(end - at);
}

size_t decimal_format(int64_t number, char *text)
{
	if (number >= 0)
		return decimal_format_unsigned((uint64_t)number, text);
	*text = '-';
	return 1 + decimal_format_unsigned(-(uint64_t)number, text + 1);
}

char *decimal_format_fixed(char *text, unsigned number, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return text + digits;
}
