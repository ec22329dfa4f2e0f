# A run consists of parts: each is named when it begins, and at the end they are listed with
# their seconds. For bash scripts, which source it.

started=$SECONDS
parts=()
part_began=$SECONDS
part_name=

part() {
    [ -z "$part_name" ] || parts+=("$(printf '%5d s  %s' "$((SECONDS - part_began))" "$part_name")")
    part_name=$1
    part_began=$SECONDS
    [ -z "$1" ] || printf '\n=== %s (%ss)\n' "$1" "$((SECONDS - started))"
}

all_holds() {
    part ""
    printf '\n'
    printf '%s\n' "${parts[@]}"
    printf '\nAll of it holds (%ss).\n' "$((SECONDS - started))"
}

# Turns incremental compilation off where no step was built before, because it makes the first build
# take a third longer. Where steps were built incrementally, it stays on: cargo would build them again.
first_build_is_fast() {
    local built=${CARGO_TARGET_DIR:-target}/debug/incremental
    compgen -G "$built/step*" >/dev/null || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
}

need_cargo() {
    if ! command -v cargo >/dev/null; then
        echo "cargo is not here; install Rust from https://rustup.rs and open a new terminal" >&2
        exit 1
    fi
}

# Sets have_redis to yes or no. With WORKSHOP_REDIS=none it is not looked for.
look_for_redis() {
    have_redis=yes
    [ "${WORKSHOP_REDIS:-}" = none ] || ! scripts/redis || return 0
    have_redis=no
    export WORKSHOP_REDIS=none
    if [ "${CI:-}" = true ]; then
        echo "CI needs real Redis; see above for what to install" >&2
        exit 1
    fi
    echo "NOTICE: there is no real Redis here; what needs it is not tested"
}
