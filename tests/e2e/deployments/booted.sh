#!/bin/sh
# Runs a command under systemd, the first process of namespaces of its own, once all services have started as on a machine
# that was booted; exits with the status of the command.
#
#     booted.sh COMMAND [ARGUMENT]...        (as root, in a root that is thrown away; see scripts/bare_root.sh)
set -eu
output=/var/log/booted.log groups=/run/all-groups
group=$groups/allocd-booted-$$

fail() {
	echo "booted: $*" >&2
	exit 1
}

# The services get control groups below one of our own, so that no other process of this machine is among theirs.
mkdir -p "$groups"
mount -t cgroup2 cgroup2 "$groups" || fail "systemd needs control groups, and cgroup2 cannot be mounted here"
remove_group() { find "$1" -depth -type d -exec rmdir {} +; }

# Control groups outlive a script that is killed: the next one removes those that no script has locked.
exec 8<"$groups"
flock 8
for left in "$groups"/allocd-booted-*; do
	# What is still ending there keeps its group, for the script after this one.
	[ ! -d "$left" ] || ! flock --nonblock "$left" true || remove_group "$left" || true
done
mkdir "$group"
exec 9<"$group"
flock 9
exec 8<&-

# shellcheck disable=SC2317 # the trap calls it
end() {
	remove_group "$group"
	exec 9<&- # it keeps the mount busy
	umount "$groups"
}
trap end EXIT

cat >/etc/systemd/system/booted.service <<END
[Unit]
After=multi-user.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
WorkingDirectory=$PWD
ExecStart=$*
StandardOutput=truncate:$output
StandardError=inherit
TimeoutStartSec=180
[Install]
WantedBy=multi-user.target
END
systemctl --quiet enable booted.service

# In `container` systemd finds out that no hardware has to be set up.
status=0
# shellcheck disable=SC2016 # the inner shell expands it
timeout --kill-after=5 240 sh -c 'echo $$ >"$1/cgroup.procs"
exec unshare --pid --mount --net --uts --cgroup --fork --kill-child sh -c "
	ip link set lo up
	mount -t proc proc /proc
	umount --recursive /sys/fs/cgroup 2>/dev/null
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t tmpfs tmpfs /run
	mount --make-rshared / # what systemd mounts for a service, its credentials, is to be seen by the service
	exec env -i container=allocd PATH=$PATH /lib/systemd/systemd --log-target=null --show-status=no"' - "$group" || status=$?
systemctl --quiet disable booted.service
rm /etc/systemd/system/booted.service
cat "$output"
exit "$status"
