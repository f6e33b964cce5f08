/* Reads each setting from its option, variable, file or default, and checks it. */
#include "entrypoints/config/config.h"

#include "bus/subscription/leased_subscription.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/config/secret_file.h"
#include "entrypoints/config/secrets.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The state of one config_load(). */
struct loading {
	struct config *config;
	struct arena *arena;
	const char *const *environment;
	const struct option_value *options;
	size_t option_count;
	struct faults *faults;
};

static const char *environment_value(const char *const environment[], const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++) {
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	}
	return NULL;
}

/* An empty variable counts as unset, except where empty means off. */
static const char *variable_value(const struct loading *loading, const char *name, bool empty_counts)
{
	const char *value = environment_value(loading->environment, name);

	return value && (value[0] || empty_counts) ? value : NULL;
}

/* When an option is repeated, the last one counts. */
static const struct option_value *option_of(const struct loading *loading, const struct setting *setting)
{
	const struct option_value *found = NULL;

	for (size_t i = 0; i < loading->option_count; i++) {
		if (loading->options[i].setting == setting)
			found = &loading->options[i];
	}
	return found;
}

static void complain(struct loading *loading, const char *name, const char *complaint)
{
	faults_add(loading->faults, "%s: %s", name, complaint);
}

static void read_given_file(struct loading *loading, struct given *given, const struct setting *setting,
			    const char *name, const char *path)
{
	struct secret_file file;
	const char *error;

	given->file = path;
	given->name = name;
	if (!secret_file_read(&file, path, SECRET_FILE_WAIT_MS, loading->arena, &error))
		complain(loading, name, error);
	given->text = file.text;
	given->changes = file.is_regular;
	given->is_exposed = file.is_world_readable && file.text && setting_has_secret(setting, file.text);
}

static void read_option(struct loading *loading, struct given *given, const struct option_value *option)
{
	const struct setting *setting = option->setting;
	const char *name = arena_printf(loading->arena, "--%s%s", setting_option(setting, loading->arena),
					option->is_file ? FILE_OPTION_SUFFIX : "");

	given->origin = FROM_OPTION;
	given->text = option->text;
	if (option->is_file)
		read_given_file(loading, given, setting, name, option->text);
	else if (setting_has_secret(setting, option->text))
		complain(loading, name,
			 arena_printf(loading->arena,
				      "every user of this machine can read a password in an option; "
				      "use %s or %s" FILE_VARIABLE_SUFFIX,
				      setting->variable, setting->variable));
	else if (!option->text[0] && !setting->empty_is_off)
		given->text = setting->fallback;
}

/*
 * The file of a credential that has the setting's name, such as "database-url", among those that a service
 * manager gives the process (systemd.exec(5)); NULL: it gives none.  One that cannot be looked up is an error
 * of the read.
 */
static const char *credential(const struct loading *loading, const struct setting *setting)
{
	const char *folder = variable_value(loading, "CREDENTIALS_DIRECTORY", false), *path;

	if (!folder || !setting->secret)
		return NULL;
	path = arena_printf(loading->arena, "%s/%s", folder, setting_option(setting, loading->arena));
	return access(path, F_OK) == 0 || errno != ENOENT ? path : NULL;
}

/* False: the environment does not name the setting. */
static bool read_variable(struct loading *loading, struct given *given, const struct setting *setting)
{
	const char *value = variable_value(loading, setting->variable, setting->empty_is_off);
	const char *file_variable =
		arena_printf(loading->arena, "%s" FILE_VARIABLE_SUFFIX, setting->variable);
	const char *path = setting->secret ? variable_value(loading, file_variable, false) : NULL;

	if (!value && !path)
		path = credential(loading, setting);
	if (!value && !path)
		return false;
	given->origin = FROM_ENVIRONMENT;
	given->text = value;
	if (value && path)
		complain(loading, file_variable,
			 arena_printf(loading->arena, "cannot be set together with %s", setting->variable));
	else if (path)
		read_given_file(loading, given, setting, file_variable, path);
	return true;
}

static void find_value(struct loading *loading, struct given *given, const struct setting *setting)
{
	const struct option_value *option = option_of(loading, setting);

	if (option) {
		read_option(loading, given, option);
	} else if (!read_variable(loading, given, setting)) {
		given->origin = FROM_DEFAULT;
		given->text = setting->fallback;
	}
}

/* The name by which the setting was given: the option, or the variable. */
static const char *name_in_use(const struct loading *loading, const struct given *given,
			       const struct setting *setting)
{
	if (given->origin == FROM_OPTION)
		return arena_printf(loading->arena, "--%s", setting_option(setting, loading->arena));
	return setting->variable;
}

/* After a fault the setting has its default, so that the others can be checked. */
static void load_setting(struct loading *loading, const struct setting *setting, struct given *given)
{
	void *place = (char *)loading->config + setting->offset;
	size_t faults = loading->faults->count;

	find_value(loading, given, setting);
	if (loading->faults->count == faults && !setting->parse(setting, given->text, place, loading->arena))
		complain(loading, name_in_use(loading, given, setting),
			 arena_printf(loading->arena, "expected %s",
				      setting->accepts(setting, loading->arena)));
	if (loading->faults->count == faults)
		return;
	given->is_wrong = true;
	given->text = setting->fallback;
	setting->parse(setting, setting->fallback, place, loading->arena);
}

/* Checks the rules between several settings, unless the one that is to blame is wrong by itself. */
static void complain_together(struct loading *loading, const char *variable, const char *complaint)
{
	const struct given *given = config_url(loading->config, variable);

	if (!given->is_wrong)
		complain(loading, variable, complaint);
}

static void check_together(struct loading *loading)
{
	const struct config *config = loading->config;

	if (config->smtp_url[0] && !config->mail_from[0])
		complain_together(loading, "ALLOCD_MAIL_FROM", "required when ALLOCD_SMTP_URL is set");
	if (config->smtp_url[0] && !config->mail_to.count)
		complain_together(loading, "ALLOCD_MAIL_TO", "required when ALLOCD_SMTP_URL is set");
	if (config->redis_cert_file[0] && !config->redis_key_file[0])
		complain_together(loading, "ALLOCD_REDIS_KEY_FILE",
				  "required when ALLOCD_REDIS_CERT_FILE is set");
	else if (config->redis_key_file[0] && !config->redis_cert_file[0])
		complain_together(loading, "ALLOCD_REDIS_CERT_FILE",
				  "required when ALLOCD_REDIS_KEY_FILE is set");
	if (!config->prefix[0] && stream_list_has(&config->streams, PUBSUB_LEASE))
		complain_together(loading, "ALLOCD_STREAM",
				  "a stream cannot be named " PUBSUB_LEASE
				  " without ALLOCD_PREFIX, because the lease of"
				  " pub/sub has that name");
	for (size_t i = 0; i < config->streams.count; i++) {
		if (strcmp(config->streams.names[i], config->event_stream) == 0)
			complain_together(loading, "ALLOCD_EVENT_STREAM",
					  "expected a name that is not in ALLOCD_STREAM");
	}
}

void config_load(struct config *config, struct arena *arena, const char *const environment[],
		 const struct option_value *options, size_t option_count, struct faults *faults)
{
	struct loading loading = {.config = config,
				  .arena = arena,
				  .environment = environment,
				  .options = options,
				  .option_count = option_count,
				  .faults = faults};

	*config = (struct config){0};
	for (size_t i = 0; i < settings_count; i++)
		load_setting(&loading, &settings[i], &config->given[i]);
	check_together(&loading);
}

void *config_url(const struct config *config, const char *variable)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (strcmp(settings[i].variable, variable) == 0)
			return (void *)(uintptr_t)&config
				->given[i]; /* config_read_url() does not change it */
	}
	return NULL;
}

const char *config_read_url(void *context, struct arena *arena, const char **error)
{
	const struct given *given = context;
	struct secret_file file;

	if (!given->changes)
		return given->text;
	/* The event loop calls this: it must not wait for a file that has become a pipe. */
	if (!secret_file_read(&file, given->file, 0, arena, error))
		*error = arena_printf(arena, "%s: %s", given->name, *error);
	return file.text;
}
