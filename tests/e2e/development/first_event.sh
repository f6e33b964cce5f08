#!/usr/bin/env bash
# Runs `./dev run --once` as a newcomer does, on a bare Debian: prints the seconds until the first event of the demo, and
# fails when these are more than SECONDS, or when a service of a package that was installed would run on this machine.
#
#     scripts/bare_root.sh tests/e2e/development/first_event.sh SECONDS
set -eu -o pipefail
bound=$1

fail() {
	echo "first_event: $*" >&2
	exit 1
}

# Services that start with the machine, by systemd or by the scripts in /etc/init.d.
enabled() {
	find /etc/systemd/system /etc/rc[2-5S].d -path '*.wants/*.service' -o -path '/etc/rc*/S*'
}

before=$(enabled)
begin=$EPOCHREALTIME first=''
exec 3< <(./dev run --once 2>&1)
run=$!
while IFS= read -r line <&3; do
	echo "$line"
	[[ $first || $line != '  event '* ]] || first=$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000000))
done
wait "$run" || fail "./dev run --once ended with $?"

[ "$first" ] || fail "the demo showed no event"
command -v redis-server >/dev/null || fail "no redis-server was installed"
[ "$(enabled)" = "$before" ] || fail "these services start with the machine: $(enabled)"
left=$(cat /proc/[0-9]*/comm | grep -E '^(allocd|postgres|redis-server)') || true
[ -z "$left" ] || fail "left running: $left"
((first <= bound)) || fail "the first event came after $first s; expected $bound s at most"
echo "the first event came after $first s"
