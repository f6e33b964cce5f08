/*
 * Prints the settings in force: as an environment file that sh, systemd and, where no value needs quotes,
 * container engines read alike, or as JSON.
 */
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/config/config.h"
#include "entrypoints/config/secrets.h"

#include <string.h>

static bool is_plain(const char *text)
{
	return text[strspn(text,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=?[]*-")] ==
	       '\0';
}

/* Writes double quotes, and a backslash before characters that are special to the shell and systemd. */
static void print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (strchr("\"\\$`", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_value(const char *text, FILE *out)
{
	if (is_plain(text))
		fputs(text, out);
	else
		print_quoted(text, out);
}

static void print_heading(const struct setting *setting, FILE *out)
{
	if (setting->heading)
		fprintf(out, "# ---- %s ----\n\n", setting->heading);
}

static void print_setting(const struct setting *setting, const struct given *given, struct arena *arena,
			  FILE *out)
{
	static const char *const origins[] = {
		[FROM_DEFAULT] = "the default", [FROM_ENVIRONMENT] = "environment", [FROM_OPTION] = "option"};
	const char *shown = utf8_printable(arena, setting_without_secret(setting, given->text, arena));

	print_heading(setting, out);
	fprintf(out, "# %s\n# from: %s", setting->help, origins[given->origin]);
	if (given->origin != FROM_DEFAULT)
		fprintf(out, "; default: %s", setting->fallback[0] ? setting->fallback : "empty");
	fputc('\n', out);
	if (!given->file && setting_has_secret(setting, given->text))
		fputs("# its password is not shown: put it in place of ***\n", out);
	fputs(setting->variable, out);
	fputs(given->file ? FILE_VARIABLE_SUFFIX "=" : "=", out);
	print_value(given->file ? utf8_printable(arena, given->file) : shown, out);
	fputs("\n\n", out);
}

void config_print(const struct config *config, FILE *out)
{
	struct arena *arena = arena_new(1024);

	fputs("# The settings of allocd in force.\n\n", out);
	for (size_t i = 0; i < settings_count; i++)
		print_setting(&settings[i], &config->given[i], arena, out);
	arena_free(&arena);
}

static void print_default(const struct setting *setting, FILE *out)
{
	print_heading(setting, out);
	fprintf(out, "# %s\n", setting->help);
	if (setting->secret)
		fprintf(out, "# or %s" FILE_VARIABLE_SUFFIX ": a file that holds it\n", setting->variable);
	fprintf(out, "#%s=", setting->variable);
	print_value(setting->fallback, out);
	fputs("\n\n", out);
}

void config_print_template(FILE *out)
{
	fputs("# The settings of allocd, each with its default.  Remove the # before those that you change.\n\n",
	      out);
	for (size_t i = 0; i < settings_count; i++)
		print_default(&settings[i], out);
}

/* ---- JSON ---- */

static json_t *setting_to_json(const struct setting *setting, const struct given *given, const char *heading,
			       struct arena *arena)
{
	static const char *const origins[] = {
		[FROM_DEFAULT] = "default", [FROM_ENVIRONMENT] = "environment", [FROM_OPTION] = "option"};

	return must(json_pack(
		"{s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:b}", "variable", setting->variable, "value",
		utf8_repaired(arena, setting_without_secret(setting, given->text, arena)), "from",
		origins[given->origin], "file", given->file ? utf8_repaired(arena, given->file) : NULL,
		"default", setting->fallback, "help", setting->help, "section", heading, "option",
		setting_option(setting, arena), "accepts", setting->accepts(setting, arena), "secret",
		setting->secret));
}

void config_print_json(const struct config *config, FILE *out)
{
	struct arena *arena = arena_new(1024);
	const char *heading = NULL;

	for (size_t i = 0; i < settings_count; i++) {
		heading = settings[i].heading ? settings[i].heading : heading;
		json_line_print(setting_to_json(&settings[i], &config->given[i], heading, arena), out);
	}
	arena_free(&arena);
}
