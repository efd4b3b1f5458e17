# shellcheck shell=bash
# Shared by the scripts of this repository; source it, do not run it.
#
#   . "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
#
# It sets `root` (the repository) and `CARGO_TARGET_DIR`, and defines the log functions.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"

# Where set-up keeps what is built once per machine and belongs to no checkout.
sungrid_cache="${XDG_CACHE_HOME:-$HOME/.cache}/sungrid"

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
    _bold=$'\e[1m' _red=$'\e[31m' _yellow=$'\e[33m' _reset=$'\e[0m'
else
    _bold='' _red='' _yellow='' _reset=''
fi

# Everything a person reads goes to stderr, so that stdout stays free for results.
step() { printf '%s==>%s %s\n' "$_bold" "$_reset" "$*" >&2; }
info() { printf '    %s\n' "$*" >&2; }
warn() { printf '%swarning:%s %s\n' "$_yellow" "$_reset" "$*" >&2; }
die() {
    printf '%serror:%s %s\n' "$_red" "$_reset" "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Prints the header comment of a script as its help: the lines from the second to the first that is
# no comment.
usage() { sed -n '2,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p}' "$1"; }

# Reads what set-up found out about this machine's WASM toolchain.
load_env() {
    [ -r "$sungrid_cache/env.sh" ] || die "this machine is not set up; run scripts/setup first"
    # shellcheck source=/dev/null
    . "$sungrid_cache/env.sh"
}

# Cargo of the toolchain that has the WASM targets. Needs `load_env`.
wasm_cargo() {
    if [ -n "${WASM_BUILD_TOOLCHAIN:-}" ]; then
        rustup run "$WASM_BUILD_TOOLCHAIN" cargo "$@"
    else
        cargo "$@"
    fi
}

# rustc of that toolchain.
wasm_rustc() {
    if [ -n "${WASM_BUILD_TOOLCHAIN:-}" ]; then
        rustup run "$WASM_BUILD_TOOLCHAIN" rustc "$@"
    else
        rustc "$@"
    fi
}
