#!/bin/sh
# The life of the packages in a fresh root: install, try, upgrade, purge.  OLD and NEW are folders with the packages.
#
#     package_life.sh OLD NEW        (as root, in a root that is thrown away, in a copy of the project)
set -eu
old=$1 new=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

step() { echo "== $*"; }

fail() {
	echo "package_life: $*" >&2
	exit 1
}

# No service starts here, where systemd does not run.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d

version_in() { dpkg-deb --field "$1"/allocd_*.deb Version; }

step install
apt-get update -qq
apt-get install -qq -y --no-install-recommends "$old"/*.deb >/dev/null
[ "$(dpkg-query -W -f '${Version}' allocd)" = "$(version_in "$old")" ] || fail "another version was installed"
[ ! -e /etc/systemd/system/multi-user.target.wants/allocd.service ] || fail "the service is enabled before its database exists"
allocd version
[ -e /usr/share/zsh/vendor-completions/_allocd ] || fail "zsh does not find the completion"
[ -e /usr/share/doc/allocd/deploy/kubernetes/base/statefulset.yaml ] || fail "kustomize does not find the manifests"
compressed=$(find /usr/share/doc/allocd* -name '*.gz' ! -name 'changelog*')
[ -z "$compressed" ] || fail "no link of a document finds: $compressed"
twice=$(find /usr/share/doc/allocd* -type f ! -name copyright ! -name 'changelog*' -exec sha256sum {} + | sort | uniq -w 64 -D)
[ -z "$twice" ] || fail "these files are there twice: $twice"
/usr/bin/allocd help config | grep -q ' /etc/default/allocd$' || fail "the help does not name the file of settings"
zcat /usr/share/man/man5/allocd-config.5.gz | grep -q /etc/default/allocd || fail "the manual does not name the file of settings"

# Its runner installs what debian/tests/control asks for.  The test of the service runs the unit's command, as no systemd runs.
step autopkgtest
apt-get install -qq -y --no-install-recommends autopkgtest >/dev/null
autopkgtest --no-built-binaries . -- null
running=$(ps -e -o comm= | grep -E '^(allocd|postgres|redis-server)') || true
[ -z "$running" ] || fail "the tests left running: $running"

# As on a machine: the unit with its user, its sandbox and its notification.
step systemd
apt-get install -qq -y --no-install-recommends dbus systemd >/dev/null
mkdir /tmp/groups
mount -t cgroup2 cgroup2 /tmp/groups
left=/tmp/groups/allocd-booted-left # as a script leaves it that was killed
mkdir -p $left/system.slice
tests/e2e/deployments/booted.sh /src/debian/tests/service
[ ! -e $left ] || fail "the control groups of a killed script are left"
umount /tmp/groups

step upgrade
echo 'ALLOCD_LANES=3' >>/etc/default/allocd
# A systemctl that notes what the packages ask of it.
mkdir -p /run/systemd/system
printf '#!/bin/sh\necho "$@" >>/tmp/systemctl.log\n' >/usr/bin/systemctl
chmod +x /usr/bin/systemctl
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d
apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold "$new"/*.deb >/dev/null
[ "$(dpkg-query -W -f '${Version}' allocd)" = "$(version_in "$new")" ] || fail "the upgrade installed another version"
grep -q '^ALLOCD_LANES=3$' /etc/default/allocd || fail "the upgrade lost the settings of /etc/default/allocd"
[ -e /etc/default/allocd.dpkg-dist ] || fail "the settings of the next version are not beside those that were kept"
grep -q 'try-restart allocd.service' /tmp/systemctl.log || fail "the upgrade does not restart the service: $(cat /tmp/systemctl.log)"
! grep -qE '(^| )(start|enable) .*allocd' /tmp/systemctl.log || fail "the upgrade starts a service that did not run"

step purge
rm /tmp/systemctl.log
apt-get purge -qq -y allocd allocd-tools >/dev/null
grep -q '^stop allocd.service' /tmp/systemctl.log || fail "the purge does not stop the worker: $(cat /tmp/systemctl.log)"
left=$(find /etc /usr /var /lib /opt /srv /home /root /tmp -xdev -name '*allocd*' ! -path '/var/lib/apt/*' ! -path '/var/cache/*')
[ -z "$left" ] || fail "the purge left: $left"
! dpkg-query -W allocd >/dev/null 2>&1 || fail "dpkg still knows allocd"
step done
