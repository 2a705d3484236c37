#!/bin/sh
# Start a Docker engine for tests where none runs, for example inside a CI container.
#
# usage: scripts/start-dockerd.sh [LOGFILE]      (needs root and the package docker.io)
#
# Does nothing when an engine already answers. Tries the overlay2 storage driver, then vfs, which
# works on every file system; without network, as the tests need none. Exit code 1 when no engine
# answers after 30 seconds; the log tells why.
set -eu

log=${1:-/tmp/dockerd.log}
answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

if answers; then
    echo "a Docker engine answers already"
    exit 0
fi
command -v dockerd >/dev/null || { echo "dockerd is missing: apt-get install docker.io" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "dockerd must be started by root" >&2; exit 1; }

for driver in overlay2 vfs; do
    dockerd --storage-driver="$driver" --iptables=false --ip6tables=false --bridge=none \
        >>"$log" 2>&1 </dev/null &
    pid=$!
    tries=0
    while [ "$tries" -lt 60 ] && kill -0 "$pid" 2>/dev/null; do
        if answers; then
            echo "a Docker engine answers: process $pid, storage driver $driver, log $log"
            exit 0
        fi
        tries=$((tries + 1))
        sleep 0.25
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
done
echo "no Docker engine answers; the log $log ends with:" >&2
tail -n 5 "$log" >&2
exit 1
