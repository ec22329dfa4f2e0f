#!/usr/bin/env bash
# Step 09 in class, in three to five minutes: an orderly end.
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
start --dir "$stage"
say "A client sends 200,000 INCRs in one go, and reads the replies."
show "exec 3<>/dev/tcp/127.0.0.1/$port"
show "yes 'INCR n' | head -n 200000 >&3 2>/dev/null &"
show "cat <&3 >$stage/replies & reader=\$!"
processes+=("$reader")
await "wc -c <$stage/replies | tr -d ' ' | sed 's/^0\$/none/; s/^[0-9]*\$/some/'" some

say "In the middle of it: the signal that an operator sends."
show "kill -TERM $server; wait $server; echo status \$?"
expect "status 0"
exec 3>&-
wait "$reader" || true
show "grep -vE 'listening' $stage/log.$port | grep INFO | cut -d ' ' -f 2-"
expect "Received SIGTERM" "ready to exit"

say "The last number that the client was told:"
show "tail -n 1 $stage/replies"
last=$(tr -dc '0-9' <<<"$out")

say "Start it again. Is it there? Was more executed than was told?"
start --dir "$stage"
show "redis-cli -p $port GET n"
saved=$(tr -dc '0-9' <<<"$out")
[ "$saved" -ge "$last" ] || fail "a reply was sent for what is not there"
