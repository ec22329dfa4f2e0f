#!/usr/bin/env bash
# Step 03 in class, in three to five minutes: one store for all clients.
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
start
say "Two clients, one store."
show "redis-cli -p $port SET greeting hello"
expect "OK"
show "redis-cli -p $port GET greeting"
expect '"hello"'

say "Four clients count at once, 500 times each. Where would a number be lost?"
show "for _ in 1 2 3 4; do yes 'INCR n' | head -n 500 | redis-cli -p $port >/dev/null & clients+=(\$!); done"
show "wait \${clients[@]}; redis-cli -p $port GET n"
expect '"2000"'

say "An error changes nothing: the lock was held, and the value was looked at first."
show "redis-cli -p $port INCR greeting"
expect "(error) ERR value is not an integer or out of range"
show "redis-cli -p $port GET greeting"
expect '"hello"'

say "One table knows each command's arity, so no handler asks for it."
show "redis-cli -p $port GET"
expect "(error) ERR wrong number of arguments for 'get' command"
show "redis-cli -p $port COMMAND INFO get | head -n 3"
expect '"get"' "(integer) 2"

say "How is it kept? Guess before Enter."
show "redis-cli -p $port OBJECT ENCODING n"
expect '"int"'
show "redis-cli -p $port OBJECT ENCODING greeting"
expect '"embstr"'
