#!/usr/bin/env bash
# Runs a command in a fresh Debian, which has what every Debian has and no further package, in a clone of this project.
#
# Its processes, mounts and shared memory are in namespaces of their own, which end with it or when the time is over: so
# none is left. Its network is that of this machine.
set -eu -o pipefail
cd "$(dirname "$0")/.."

usage() {
	cat <<-'END'
		usage: scripts/bare_root.sh [OPTION…] COMMAND [ARGUMENT…]     (as root, with Debian's package mmdebstrap)

		Runs COMMAND in a fresh root of Debian, in /src: a clone of what is committed here. Exits with the status of
		COMMAND, or with 124 when the time was over.

		The root is removed at the end. It is in TMPDIR; else in memory, where 8 GiB are free; else in /var/tmp.

		  --suite NAME       which Debian: bookworm (12), which is used otherwise; trixie (13)
		  --base DIR         take a copy of the root in DIR, which is made if DIR is missing or a week old, and kept
		  --share DIR        DIR of this machine is /share there, and can be written to
		  --timeout SECONDS  how long COMMAND may take (3600)
		  --make             only make the root that --base names
	END
}

fail() {
	echo "bare_root.sh: $*" >&2
	exit 2
}

suite=bookworm base='' share='' seconds=3600 only_make=''
while [[ ${1:-} == -* ]]; do
	case $1 in
	--make) only_make=1 ;;
	--suite | --base | --share | --timeout)
		[ $# -ge 2 ] || fail "$1 needs a value"
		case $1 in
		--suite) suite=$2 ;;
		--base) base=$(realpath -m "$2") ;;
		--share) share=$(realpath -e "$2") ;;
		--timeout) seconds=$2 ;;
		esac
		shift
		;;
	--help)
		usage
		exit
		;;
	*) fail "unknown option $1: --help lists the options" ;;
	esac
	shift
done
[ $# -gt 0 ] || [ "$only_make" ] || fail "expected a command: --help shows the usage"
[ -z "$only_make" ] || [ "$base" ] || fail "--make needs --base"
[ "$(id -u)" = 0 ] || fail "only root can make a root"
command -v mmdebstrap >/dev/null || fail "install Debian's package mmdebstrap"

free_kib=$(df --output=avail /dev/shm | tail -n 1)
place=/var/tmp
((free_kib < 8 << 20)) || place=/dev/shm
scratch=$(mktemp -d "${TMPDIR:-$place}/allocd-root.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT

# The root is thrown away: so nothing waits until its files are on the disk.
make_root() {
	timeout 600 mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io "$suite" "$1"
}

# Of two processes that make the same base at once, the second one finds that of the first.
make_base() (
	mkdir -p "$(dirname "$base")"
	exec 9>"$base.lock"
	flock 9
	if [ -d "$base" ]; then
		[ -O "$base" ] || fail "$base belongs to another user, who could change what root runs there"
		found=$(sed -n 's/^VERSION_CODENAME=//p' "$base/etc/os-release" 2>/dev/null || true)
		[ "$found" = "$suite" ] ||
			fail "the root in $base is ${found:-no Debian}, not $suite: give $suite another --base, or remove this one"
		[ -n "$(find "$base" -maxdepth 0 -mtime +6)" ] || return 0
	fi
	rm -rf --one-file-system "$base.part"
	make_root "$base.part"
	touch "$base.part"
	rm -rf --one-file-system "$base"
	mv "$base.part" "$base"
)

root=$scratch/root
if [ "$base" ]; then
	make_base
	[ -z "$only_make" ] || exit 0
	flock --shared "$base.lock" cp -a "$base" "$root" # another process may find that it is a week old
else
	make_root "$root"
fi
git clone --quiet --no-hardlinks . "$root/src"
local_authorities=/usr/local/share/ca-certificates # by which the registries may be reached from here
[ ! -d "$local_authorities" ] || cp -a "$local_authorities" "$root/usr/local/share/"

# In the background, because bash handles a signal only between two commands; but the command is to get SIGINT as always.
# shellcheck disable=SC2016 # the inner shell expands these
env --default-signal=INT,QUIT timeout --kill-after=10 "$seconds" unshare --mount --pid --ipc --fork --kill-child bash -c '
	set -eu
	root=$1 share=$2
	shift 2
	mount --bind "$root" "$root" # buildah needs a mount point at /
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/dev/shm"
	[ -z "$share" ] || mount --bind --mkdir "$share" "$root/share"
	# No chroot, in which no user namespace can be made, as services of systemd have.
	cd "$root"
	pivot_root . .
	umount --lazy .
	# As a child: the first process of a namespace gets only those signals that it handles.
	env --chdir=/src "$@" || exit
' - "$root" "$share" -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" "$@" <&0 &
inside=$! begin=$SECONDS status=0
trap 'kill "$inside" || true; wait "$inside" 2>/dev/null || true' HUP INT TERM
wait "$inside" 2>/dev/null || status=$?
# One that does not end when it is asked to is killed, which timeout reports as 137.
((status != 137 || SECONDS - begin < seconds)) || status=124
exit "$status"
