#!/usr/bin/env bash
# Reads the source without running it:
#
#     check_source.sh BUILD          everything
#     check_source.sh BUILD FILE…    these files, without clang's static analyzer, and the rules about the whole tree
#
# BUILD is a build directory of clang's.
# shellcheck disable=SC2317 # every function here is called, through `step`
set -eu -o pipefail
build=$1
shift
changed=("$@")
failed=0

# step WHAT COMMAND…: prints what it checks; after a failed step the next ones still run.
step() {
	local begin=$SECONDS
	echo "== $1"
	shift
	"$@" || {
		failed=1
		echo "   failed"
	}
	((SECONDS - begin < 5)) || echo "   $((SECONDS - begin)) s"
}

# selected PATTERN FOLDER…: the files of these folders whose names match; with FILE…, only those among them.
selected() {
	local pattern=$1 folders
	shift
	folders=$(printf '%s|' "$@")
	if ((${#changed[@]})); then
		printf '%s\n' "${changed[@]}"
	else
		find "$@" -type f
	fi | { grep -E "^(${folders%|})/.*$pattern" || true; } | sort
}

sources() { selected '\.[ch]$' src tests schemas bench; }

# A header is compiled with the source file of its name.
programs() {
	{
		selected '\.c$' src tests bench
		selected '\.h$' src tests bench | sed 's/h$/c/' | xargs -r ls 2>/dev/null || true
	} | sort -u
}

formatted() { sources | xargs -r clang-format --dry-run -Werror; }

wide_lines() {
	local file
	for file in $(sources); do
		expand "$file" | LC_ALL=C.UTF-8 grep -HnE --label "$file" '^.{111}' || true
	done
}

# clang-format breaks code, and leaves comments as they are.
comments_fit() {
	wide_lines | { grep -E ':[0-9]+: */?\*|\*/$' || true; } | none
}

# Without a file, the program looks at all that git knows.
plain_english() {
	if ((${#changed[@]})); then
		printf '%s\n' "${changed[@]}" | { grep -E '\.(c|h|md|py|sh|sql|lua|toml|build)$|^dev$' || true; } |
			xargs -r scripts/plain_english.py
	else
		scripts/plain_english.py
	fi
}

# The analyzer gives a function up after this many steps; with its default of 225000 it takes three times as long.
analyzer_bound=(-Xclang -analyzer-config -Xclang max-nodes=75000)

# tidy CHECKS [GREP-OPTION]: one file a call, as clang-tidy 14 loses track of va_lists from the second file on.
tidy() {
	programs | { grep -e '^src/' "${@:2}" || true; } |
		xargs -r -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" --checks="$1" \
			"${analyzer_bound[@]/#/--extra-arg=}" 2>/dev/null
}

# The static analyzer takes nine tenths of the time. Tests go without it: they are run with sanitizers.
tidy_all() {
	local light='-clang-analyzer-*' result=0
	if ((${#changed[@]})); then tidy "$light"; else tidy ''; fi || result=1
	tidy "$light" --invert-match || result=1
	return "$result"
}

cppcheck_clean() {
	local files=(src)
	((${#changed[@]})) && mapfile -t files < <(programs | grep '^src/')
	((${#files[@]})) || return 0
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j "$(nproc)" \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		-I src -I "$build/schemas" "${files[@]}"
}

# A file that the build does not name is a file whose tests are never run.
everything_is_built() {
	local built
	built=$(sed -n 's|^ *"file": "\(\.\./\)*\(.*\)",*$|\2|p' "$build/compile_commands.json" | sort -u)
	! comm -23 <(find src tests bench -name '*.c' | sort -u) <(echo "$built") | grep .
}

rooms_are_small() {
	! find src -name '*.[ch]' -printf '%h\n' | sort | uniq -c | awk '$1 > 20 { print $2 ": " $1 " files" }' | grep .
}

# Prints its input and fails if there is any.  What fails before it in a pipe fails the pipe.
none() { ! grep .; }

# matches PATTERN WHERE…: what matches in C files, also if nothing does; fails when it cannot look.
matches() { grep -rnE --include='*.[ch]' "$@" || (($? == 1)); }

# nothing_matches PATTERN WHERE…: prints what matches; fails when anything does.
nothing_matches() { matches "$@" | none; }

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
	matches '#include *"adapters/' src/entrypoints/{cli,config,http,http_admin,http_reads,http_server,jobs,metrics,bench_workload,bench_report} |
		sed '/"adapters\/system\/instants\.h"/d' | none
}

# The aggregate is closed: only stores, what caches products for them, core's own tests, and one file of helpers
# for all other tests see its layout.  A header outside core would show it to every file that includes the header.
few_rooms_see_the_products_layout() {
	local seen rooms='src/core/|src/bus/unit_of_work/|src/adapters/postgres/store/|src/adapters/memory/'
	rooms+='|tests/unit/core/|tests/support/stored_product\.c$'
	seen=$(matches -l '#include *"(core/)?product_(repository|internal)\.h"' src tests) &&
		sed -E "\\#^($rooms)#d" <<<"$seen" | none &&
		sed -nE '/\.h$/p' <<<"$seen" | sed -E '\#^(src|tests/unit)/core/#d' | none &&
		matches '#include *"(.*/)?unit/core/|#include *"\.\./(.*/)?core/' src tests | none &&
		nothing_matches '#include *"core/product_internal\.h"' src/bus src/adapters src/entrypoints tests
}

# A header named *_internal.h is for the files of its own room.
internal_headers_stay_in_their_room() {
	local header
	while read -r header; do
		matches "\"${header#src/}\"" src tests | sed "\\#^$(dirname "$header")/#d" | none || return
	done < <(find src -name '*_internal.h')
}

# The linker proves the same: both libraries together need libc and nothing else.
core_and_bus_link_with_libc_alone() {
	cc -shared -nostdlib -Wl,--no-undefined -Wl,--whole-archive "$build/src/bus/libbus.a" \
		"$build/src/core/libcore.a" -Wl,--no-whole-archive -lc -o /dev/null
}

# Core does not even need bus, and neither uses libc's files, sockets, clocks or random numbers.  (The one line that
# core/base/must.h writes before it aborts is fputs().)
core_and_bus_are_pure() {
	local impure='^(__)?(f?open(at)?(64)?|read|write|socket|connect|send|recv|poll|time|gettimeofday|clock_gettime'
	impure+='|s?rand(om)?(_r)?|getrandom|getenv|v?f?printf|puts|f?putc|putchar|nanosleep|usleep|sleep)(_chk)?$'
	cc -shared -nostdlib -Wl,--no-undefined -Wl,--whole-archive "$build/src/core/libcore.a" \
		-Wl,--no-whole-archive -lc -o /dev/null &&
		nm --undefined-only --format=just-symbols "$build/src/core/libcore.a" "$build/src/bus/libbus.a" |
		sed -nE "/$impure/p" | none
}

# The benchmark is a program of its own: the worker's holds no function or datum of it.
allocd_is_the_worker_alone() { nm --format=just-symbols "$build/allocd" | sed -n '/bench\|dev_reset/Ip' | none; }

files_are_short() {
	git ls-files '*.c' '*.h' '*.py' '*.sql' '*.lua' | xargs wc -l |
		awk '$1 > 600 && $2 != "total" && !/sql\// { print "   " $2 ": " $1 " lines" }' | none
}

scripts_clean() { shellcheck dev scripts/*.sh .ci/run; }

mutants_apply() { tests/mutants/run --check; }

version_is_the_released_one() { scripts/check_release.py; }

schemas_gain_only_optional_fields() { scripts/schema_compatibility.py; }

# ./dev test installs what the tests need, so a program that is missing must fail a test: a skipped one goes unnoticed.
no_test_is_skipped_without_a_program() { ! grep -rnE --include='*.py' 'skip(if)?\(.*(which|not installed)' tests/e2e; }

# The words are written apart, or this line would find itself.
nothing_left_undone() { ! grep -rnwIE 'TO''DO|FIX''ME|X''XX' src tests schemas scripts bench deploy docs dev .ci README.md; }

step "clang-format: every file has the one shape" formatted
step "plain English" plain_english
step "every source file is part of a build" everything_is_built
step "no folder of src has more than 20 source files" rooms_are_small
step "no file has more than 600 lines, but for lists of statements" files_are_short
step "comments are 110 columns wide at most" comments_fit
step "layers: core includes nothing but itself and libc" core_knows_only_libc
step "layers: bus includes nothing but core" bus_knows_only_core
step "layers: no adapter includes another, except the operating system's" adapters_do_not_know_each_other
step "layers: only the composition root and the tools include adapters" few_rooms_name_adapters
step "layers: only stores see the layout of a product" few_rooms_see_the_products_layout
step "rooms: an *_internal.h is included from its own room alone" internal_headers_stay_in_their_room
step "layers: core and bus link with libc alone" core_and_bus_link_with_libc_alone
step "layers: core and bus call nothing that reads a clock, a file or a socket" core_and_bus_are_pure
((${#changed[@]})) || step "allocd holds nothing of allocd-bench and allocd-dev" allocd_is_the_worker_alone
step "shellcheck" scripts_clean
step "every mutant finds its text" mutants_apply
step "version, changelog and tag agree" version_is_the_released_one
step "schemas gain only optional fields since the last release" schemas_gain_only_optional_fields
step "no test is skipped because a program is missing" no_test_is_skipped_without_a_program
step "nothing is marked as undone" nothing_left_undone
step "cppcheck" cppcheck_clean
step "clang-tidy" tidy_all
exit $failed
