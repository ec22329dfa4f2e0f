#!/usr/bin/env bash
# Step 08 in class, in three to five minutes: a second server.
# Each command is shown, and run at Enter. With DEMO=fast, or where there is no terminal, there is
# no pause. The status is 0 only if all that it claims was so.
set -euo pipefail
cd "${DEMO_OF:-$(dirname "$0")}" # `make demo-NN MY=1` names the student's own

# The stage: from here to "The play", the same in every step.
stage=$(mktemp -d)
out='' processes=() program=step$(basename "$PWD")
trap 'exec 2>/dev/null; kill -9 ${processes[@]+"${processes[@]}"} || true; wait || true; rm -rf "$stage"' EXIT
trap 'exit 1' INT TERM
export FAKETTY=1 # redis-cli prints what a person sees, although this script reads it

# Ends the demo; if a server has panicked, that is the reason.
fail() {
    echo "demo: $*" >&2
    ! grep -hsA 1 "panicked at" "$stage"/log.* >&2 || echo "demo: so the server has ended; this was its message" >&2
    exit 1
}
say() { echo; printf '# %s\n' "$@"; }

# Shows a command, waits for Enter, and runs it; what it prints is then in $out.
show() {
    printf '$ %s' "$1"
    if [ -t 0 ] && [ -t 1 ] && [ "${DEMO:-}" != fast ]; then read -rs; fi
    echo
    eval "$1" >"$stage/out" 2>&1 || true
    out=$(tr -d '\0' <"$stage/out")
    [ -z "$out" ] || printf '%s\n' "$out"
}

# The output of the last command must have each of these texts in it.
expect() {
    for text in "$@"; do [[ $out == *"$text"* ]] || fail "this should say: $text"; done
}

# Does a command again until it prints this, for half a minute at least.
await() {
    for _ in {1..300}; do
        out=$(eval "$1" 2>&1) || true
        [[ $out != *"$2"* ]] || return 0
        sleep 0.1
    done
    fail "$1 should have come to say: $2"
}

# Starts the step's server with these flags on a free port. Sets $port and $server, its process.
# DEMO_BUILT is a folder with the servers of all steps, where they were built together.
start() {
    local run="cargo run --quiet --"
    if [ -n "${DEMO_BUILT:-}" ]; then run=$DEMO_BUILT/$program; else cargo build --quiet; fi
    for _ in {1..5}; do
        port=$((RANDOM % 10000 + 20000))
        $run --port "$port" "$@" >"$stage/log.$port" 2>&1 &
        server=$!
        processes+=("$server")
        while kill -0 "$server" 2>/dev/null; do
            ! grep -qs "listening on .*:$port" "$stage/log.$port" || return 0
            sleep 0.1
        done
    done
    cat "$stage/log.$port" >&2
    fail "the server does not start"
}

# The play.
command -v redis-cli >/dev/null || fail "it needs redis-cli: make redis"
mkdir "$stage/primary" "$stage/replica" "$stage/redis"
start --dir "$stage/primary"
primary=$port primary_process=$server
say "A primary with a key, and then a second server that wants what it has."
show "redis-cli -p $primary SET before 1"
expect "OK"
start --dir "$stage/replica" --replicaof "127.0.0.1 $primary"
replica=$port
await "redis-cli -p $replica INFO replication" "master_link_status:up"
show "redis-cli -p $replica ROLE"
expect '"slave"' '"connected"'
show "redis-cli -p $replica GET before"
expect '"1"'

say "What is written now comes through the feed. WAIT asks who has it."
show "printf 'SET after 2\nWAIT 1 60000\n' | redis-cli -p $primary"
expect "OK" "(integer) 1"
show "redis-cli -p $replica GET after"
expect '"2"'
show "redis-cli -p $replica SET after 3"
expect "(error) READONLY"

if command -v redis-server >/dev/null; then
    say "The feed is Redis's own, so a stock Redis can be a replica too."
    stock=$((primary - 9000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$stock") 2>/dev/null; do stock=$((stock + 1)); done
    show "redis-server --port $stock --dir $stage/redis --save '' --replicaof 127.0.0.1 $primary >$stage/redis/log &"
    processes+=($!)
    await "redis-cli -p $stock INFO replication" "master_link_status:up"
    show "printf 'INCR after\nWAIT 2 60000\n' | redis-cli -p $primary"
    expect "(integer) 3" "(integer) 2"
    show "redis-cli -p $stock GET after"
    expect '"3"'
fi

say "The primary dies, and the replica takes its place."
disown "$primary_process" # else bash reports its end
show "kill -9 $primary_process"
show "redis-cli -p $replica REPLICAOF NO ONE; redis-cli -p $replica SET after 4"
expect "OK"
show "redis-cli -p $replica MGET before after"
expect '"1"' '"4"'
