/*
 * The domain: the bytes of an input decide what happens in the life of a product, two of them one thing.
 *
 * Judge: the naive model of tests/support/model.c, as in the properties of the core.
 */
#include "fuzz.h"
#include "life.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The commands of the longest life: an input is about twenty numbers a command. */
#define COMMANDS_MAX 60

/* Once the input is used up, chance decides what is left. */
struct input {
	const uint8_t *at;
	size_t left;
	uint64_t state;
};

static uint64_t draw(void *context)
{
	struct input *input = context;

	if (input->left < 2)
		return life_splitmix(&input->state);
	input->at += 2;
	input->left -= 2;
	return (uint64_t)(input->at[-2] << 8 | input->at[-1]);
}

/* The model and the repository fail by Check, which has no test here.  The name is Check's. */
void _ck_assert_failed(const char *file, int line, const char *expression, const char *format,
		       ...) /* NOLINT */
{
	va_list arguments;

	fprintf(stderr, "%s:%d: %s: ", file, line, expression);
	va_start(arguments, format);
	if (format)
		vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size, size};
	const size_t commands = size / 16 + 1;

	life_lead("this input", commands < COMMANDS_MAX ? (int)commands : COMMANDS_MAX,
		  &(struct life_chance){draw, &input});
	return 0;
}
