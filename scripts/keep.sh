#!/bin/bash
# keep.sh COMMAND…: run it, and run it anew whenever it ends, until told to stop (SIGTERM, SIGINT):
# then the command is told, too, and waited for. One that does not stay is given longer and longer
# rests. What systemd does on a server (deploy/portal-worker.service), for `make run`.
set -uo pipefail
over='' child='' rest=1

stop() {
    over=on
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT

while [ -z "$over" ]; do
    began=$SECONDS
    "$@" &
    child=$!
    [ -z "$over" ] || stop # told between the two lines
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do # a signal ends `wait`, not the command
        wait "$child"
        code=$?
    done
    child=''
    [ -z "$over" ] || break
    [ $((SECONDS - began)) -lt 60 ] || rest=1
    echo "已结束（$code），$rest 秒后重新启动：$*" >&2
    sleep "$rest" &
    child=$!
    wait "$child"
    child=''
    rest=$((rest < 16 ? rest * 2 : 30))
done
