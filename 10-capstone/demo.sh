#!/usr/bin/env bash
# Step 10 in class, in three to five minutes: what a sample is.
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
# A short run of a debug build shows the same, with figures that say nothing of the server.
mode=--release built=release short='--rounds 3 --seconds 1 --keys 1000'
[ "${DEMO:-}" != fast ] || mode='' built=debug short='--rounds 1 --seconds 0.5 --keys 1000'
if [ -n "${DEMO_BUILT:-}" ]; then
    bench=$DEMO_BUILT/$program ours=$DEMO_BUILT/step09-graceful-shutdown
else
    cargo build --quiet $mode
    bench="cargo run --quiet $mode --" ours=redis-server
    if [ -d ../09-graceful-shutdown ]; then
        (cd ../09-graceful-shutdown && cargo build --quiet $mode)
        target=$(cargo metadata --no-deps --format-version 1 | grep -o '"target_directory":"[^"]*"' | cut -d '"' -f 4)
        ours=$target/$built/step09-graceful-shutdown
    fi
fi
bench="$bench --server-bin $ours --no-floor $short"

say "Fifty clients, each with one command on its way; ours beside Redis, in turn."
show "$bench --scenario 50x1x16"
expect "50×1, 16 B" "p99 µs" "Was the load generator the bottleneck?"
say "Multiply ops/s by p50, in seconds: how many commands were on their way? Why is it about 50?"

say "Now the server stops for 200 ms in the middle. A closed loop waits, and sends nothing meanwhile;" \
    "an open loop sends when it is due. Write down both p99s before Enter."
show "$bench --pause 200ms"
expect "200 ms pause" "open, 20000/s"
p99=$(awk '$4 == "ours" { p99 = $8 } END { print int(p99) }' <<<"$out")
say "The open loop's p99: $p99 µs. Each user of these 200 ms is counted, and not only 50 of them."
[ "$p99" -ge 100000 ] || fail "the open loop should have seen the pause"
