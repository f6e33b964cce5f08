/*
 * Plays inputs of a target without libFuzzer: the files that the command line names, or all of the target's
 * corpus.  The name of each is printed first, so that the last one is the input that fails.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An input has exactly its size, so that a sanitizer sees each byte that is read beyond it. */
static void play(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long size;

	fprintf(stderr, "%s\n", path);
	fuzz_expect(file && !fseek(file, 0, SEEK_END) && (size = ftell(file)) >= 0, "%s", strerror(errno));
	rewind(file);
	data = malloc((size_t)size);
	fuzz_expect(!size || (data && fread(data, (size_t)size, 1, file) == 1), "cannot be read");
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void play_all(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort);
	char path[4096];

	fuzz_expect(count > 0, "no inputs are in %s", folder);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		play(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		play(argv[i]);
	if (argc == 1)
		play_all(CORPUS);
	return 0;
}
