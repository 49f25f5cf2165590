#!/bin/sh
# A command in the image's root as a container would run it: its user, nothing writable but HOME and memory.
# Usage: unshare --mount --pid --fork in_image.sh ROOT HOME USER WORKDIR COMMAND...
set -eu
root=$1 home=$2 user=$3 workdir=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o "mode=0700,uid=$user,gid=$user" tmpfs "$root/var/lib/trueup"
mount --bind "$home" "$root/srv/trueup"
mount -t tmpfs tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
mkdir -m 1777 "$root/dev/shm"
mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/bin/setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all env --chdir="$workdir" -- "$@"
