#!/usr/bin/env bash
# Reads the source without running it: `./dev check` calls this with a build directory of clang's.
# shellcheck disable=SC2317 # every function here is called, through `step`
set -eu -o pipefail
build=$1
failed=0

# step WHAT COMMAND…: prints what it checks; after a failed step the next ones still run.
step() {
	echo "== $1"
	shift
	"$@" || {
		failed=1
		echo "   failed"
	}
}

sources() { find src tests schemas bench -name '*.[ch]' | sort; }
programs() { find src tests bench -name '*.c' | sort; }

formatted() { sources | xargs clang-format --dry-run -Werror; }

wide_lines() {
	local file
	for file in $(sources); do
		expand "$file" | LC_ALL=C.UTF-8 grep -HnE --label "$file" '^.{111}'
	done
}

# clang-format breaks code, and leaves comments as they are.
comments_fit() {
	! wide_lines | grep -E ':[0-9]+: */?\*|\*/$'
}

# One file a call: clang-tidy 14 loses track of va_lists from the second file on.
tidy() { programs | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" 2>/dev/null; }

cppcheck_clean() {
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j "$(nproc)" \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		-I src -I "$build/schemas" src
}

# nothing_matches PATTERN WHERE…: prints what matches; fails when anything does.
nothing_matches() {
	! grep -rnE --include='*.[ch]' "$@"
}

core_knows_only_libc() {
	nothing_matches '#include *"(bus|adapters|entrypoints)/' src/core &&
		nothing_matches '#include *<(sys/|netinet/|arpa/|event|hiredis|libpq|jansson|msgpack|curl)' src/core
}

bus_knows_only_core() {
	nothing_matches '#include *"(adapters|entrypoints)/' src/bus &&
		nothing_matches '#include *<(sys/|netinet/|arpa/|event|hiredis|libpq|jansson|msgpack|curl)' src/bus
}

# Every adapter may use `system`, which is the operating system and uses no adapter itself.
adapters_do_not_know_each_other() {
	local folder others
	for folder in src/adapters/*/; do
		folder=$(basename "$folder")
		others=$(find src/adapters -mindepth 1 -maxdepth 1 -type d ! -name "$folder" ! -name system -printf '%f|')
		nothing_matches "#include *\"(entrypoints/|adapters/(${others%|})/)" "src/adapters/$folder" || return
	done
}

# The composition root and the operators' tools name adapters; the rooms that serve HTTP, read the
# configuration or parse the command line do not, except for the clocks of the operating system.
few_rooms_name_adapters() {
	! grep -rnE --include='*.[ch]' '#include *"adapters/' src/entrypoints/{cli,config,http,http_server,bench_workload,bench_report} |
		grep -v '"adapters/system/instants\.h"'
}

# The linker proves the same: both libraries together need libc and nothing else, …
core_and_bus_link_with_libc_alone() {
	cc -shared -nostdlib -Wl,--no-undefined -Wl,--whole-archive "$build/src/bus/libbus.a" \
		"$build/src/core/libcore.a" -Wl,--no-whole-archive -lc -o /dev/null
}

# … core needs not even bus, and neither touches a file, a socket, a clock or chance, which libc has too.
core_and_bus_are_pure() {
	local impure='^(f?open(at)?(64)?|read|write|socket|connect|send|recv|poll|time|gettimeofday|clock_gettime'
	impure+='|s?rand(om)?(_r)?|getrandom|getenv|f?printf|puts|nanosleep|usleep|sleep)$'
	cc -shared -nostdlib -Wl,--no-undefined -Wl,--whole-archive "$build/src/core/libcore.a" \
		-Wl,--no-whole-archive -lc -o /dev/null &&
		! nm --undefined-only --format=just-symbols "$build/src/core/libcore.a" "$build/src/bus/libbus.a" |
		grep -E "$impure"
}

# The benchmark is a program of its own: the worker's holds no function or datum of it.
allocd_holds_no_benchmark() { ! nm --format=just-symbols "$build/allocd" | grep -i bench; }

scripts_clean() { shellcheck dev scripts/*.sh .ci/run; }

# The words are written apart, or this line would find itself.
nothing_left_undone() { ! grep -rnwE 'TO''DO|FIX''ME|X''XX' src tests schemas scripts bench deploy docs dev .ci README.md; }

step "clang-format: every file has the one shape" formatted
step "comments are 110 columns wide at most" comments_fit
step "layers: core includes nothing but itself and libc" core_knows_only_libc
step "layers: bus includes nothing but core" bus_knows_only_core
step "layers: no adapter includes another, except the operating system's" adapters_do_not_know_each_other
step "layers: only the composition root and the tools include adapters" few_rooms_name_adapters
step "layers: core and bus link with libc alone" core_and_bus_link_with_libc_alone
step "layers: core and bus call nothing that reads a clock, a file or a socket" core_and_bus_are_pure
step "allocd holds nothing of allocd-bench" allocd_holds_no_benchmark
step "shellcheck" scripts_clean
step "nothing is marked as undone" nothing_left_undone
step "cppcheck" cppcheck_clean
step "clang-tidy (the long one: a few minutes)" tidy
exit $failed
