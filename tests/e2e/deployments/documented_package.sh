#!/bin/sh
# On a bare Debian: builds and installs the packages by the commands of docs/installing.md, and tries allocd by those of
# README.md, as a user who is not root.
#
#     scripts/bare_root.sh tests/e2e/deployments/documented_package.sh
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

step() { echo "== $*"; }

fail() {
	echo "documented_package: $*" >&2
	exit 1
}

# block FILE HEADING: the first block of commands that follows.
block() { sed -n "/^$2/,\$ { /^\`\`\`sh/,/^\`\`\`\$/ { /^\`\`\`\$/q; /^\`\`\`/!p } }" "$1"; }

# Documents leave out what a person answers with "yes"; and no service starts where systemd does not run.
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/assume-yes
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
apt-get update -qq

step packages
block docs/installing.md '## Debian' >/tmp/install
grep -q 'apt-get install .*allocd-tools' /tmp/install || fail "the document does not install allocd-tools"
sh -ex /tmp/install

step allocd-dev
command=$(block README.md '\*\*Installed\*\*')
[ "$command" = allocd-dev ] || fail "the README has another command: $command"
useradd --create-home reader
as_reader="setpriv --reuid=reader --regid=reader --init-groups --reset-env --"
$as_reader allocd-dev >/tmp/printed &
program=$!
for _ in $(seq 600); do
	! grep -q '^ *export ' /tmp/printed || break
	kill -0 "$program" || fail "allocd-dev ended"
	sleep 0.1
done
cat /tmp/printed
grep -q '^ *export ' /tmp/printed || fail "allocd-dev was not ready within 60 s"
# shellcheck disable=SC2016 # no command of the shell is meant
{
	sed -n '/^ *export /p' /tmp/printed
	sed -n '/^```sh first$/,/^```$/ { /^```/!p }' README.md
} >/tmp/try
$as_reader sh -ex /tmp/try
kill "$program"
wait "$program" || [ $? = 143 ] || fail "allocd-dev ended with $?"

step 'the end'
left=$(find / -xdev -user reader ! -path '/proc/*' ! -path '/home/reader*' ! -path '/var/mail/*')
[ -z "$left" ] || fail "allocd-dev left: $left"
left=$(cat /proc/[0-9]*/comm | grep -E '^(allocd|postgres|redis-server)') || true
[ -z "$left" ] || fail "left running: $left"
step succeeded
