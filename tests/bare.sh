#!/bin/sh
# Tries the project on a bare Debian 12: a new system with make and git and nothing more.
#
# Usage: sh tests/bare.sh FOLDER [COMMAND]     as root, with debootstrap installed
#   COMMAND runs in a fresh clone there; by default `make sim DURATION=20 && make test`.
# FOLDER is made by the first run and used again by the next ones; the clone is new each time.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd -P)
room=${1:?usage: sh tests/bare.sh FOLDER [COMMAND]}
command=${2:-make sim DURATION=20 && make test}

leave() {
    for inside in dev/pts dev proc; do
        ! mountpoint -q "$room/$inside" || umount "$room/$inside"
    done
}

if [ ! -e "$room/bare" ]; then
    debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$room"
    : >"$room/bare"
fi
room=$(cd "$room" && pwd -P)
trap leave EXIT
mount -t proc proc "$room/proc"
mount --bind /dev "$room/dev"
mount --bind /dev/pts "$room/dev/pts"
# A network with authorities of its own stays usable.
cp -L /etc/ssl/certs/ca-certificates.crt "$room/etc/ssl/certs/ca-certificates.crt"
rm -rf "$room/home/fieldpost"
git clone -q "$project" "$room/home/fieldpost"
env -i TERM="${TERM:-dumb}" HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    chroot "$room" sh -c "cd /home/fieldpost && $command"
