/* `allocd config`: prints the settings in force, or what is wrong with them. */
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/about/servers_check.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <jansson.h>

static void print_faults_as_json(const struct faults *faults)
{
	json_t *list = must(json_array());

	for (size_t i = 0; i < faults->count; i++)
		json_array_append_new(list,
				      must(json_string(utf8_repaired(faults->arena, faults->texts[i]))));
	json_line_print(must(json_pack("{s:b, s:o}", "valid", faults->count == 0, "faults", list)), stdout);
}

/* Wrong settings are not tried. */
static enum exit_status check(const struct invocation *invocation)
{
	struct faults faults = invocation->faults;
	enum exit_status status = faults.count ? STATUS_CONFIGURATION : STATUS_DONE;
	bool connects = invocation_flag(invocation, "connect");

	if (status == STATUS_DONE && connects)
		status = servers_check(&invocation->config, &faults);
	if (invocation_flag(invocation, "json"))
		print_faults_as_json(&faults);
	else
		for (size_t i = 0; i < faults.count; i++)
			print_error("%s", faults.texts[i]);
	if (status == STATUS_DONE)
		fprintf(stderr, "all %zu settings are valid%s\n", settings_count,
			connects ? ", and Postgres and Redis can be reached" : "");
	return status;
}

enum exit_status command_config(const struct invocation *invocation)
{
	if (invocation_flag(invocation, "check"))
		return check(invocation);
	if (invocation_flag(invocation, "connect"))
		return invocation_refuse(invocation, "expected --check with --connect");
	if (invocation_flag(invocation, "template")) {
		config_print_template(stdout);
		return STATUS_DONE;
	}
	if (invocation->faults.count) {
		print_error("%s", invocation->faults.texts[0]);
		return STATUS_CONFIGURATION;
	}
	if (invocation_flag(invocation, "json"))
		config_print_json(&invocation->config, stdout);
	else
		config_print(&invocation->config, stdout);
	return STATUS_DONE;
}
