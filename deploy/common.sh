# What the scripts share: where things are, and how they speak.  Sourced, never run.
# shellcheck shell=bash

STRATA_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Colours and lines that redraw themselves are for terminals that want them.
is_terminal=false bold='' red='' green='' yellow='' plain='' erase=''
if [[ -t 1 && ${TERM:-dumb} != dumb ]]; then
    is_terminal=true
    erase=$'\r\e[K'
    if [[ -z ${NO_COLOR:-} ]]; then
        bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
    fi
fi
# shellcheck disable=SC2034 # for the scripts that source this file
readonly is_terminal bold red green yellow plain erase

# fail CODE SENTENCE...: one sentence on stderr, and the end.  CODE is of sysexits.h.
fail() {
    local code=$1
    shift
    printf '%s%s\n' "$erase" "${red}${0##*/}:${plain} $*" >&2
    exit "$code"
}

# doing TEXT: says on a terminal what is going on; the next line takes its place.
doing() {
    if $is_terminal; then printf '%s  %s' "$erase" "$1"; fi
}

# done_in LABEL TEXT SECONDS: one aligned line for a finished step.
done_in() {
    printf '%s  %-14s %-44s %5s s\n' "$erase" "$1" "$2" "$3"
}

# progress LABEL < LINES: draws a bar from lines that hold "n/m" near their start, as those of
# ninja and ctest do.  The lines go to the log file $2.
progress() {
    local label=$1 log=$2 line width=28 filled done_part rest
    local count='^[[:space:][]*([0-9]+)/([0-9]+)[] ]'
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        if $is_terminal && [[ $line =~ $count ]]; then
            filled=$((width * BASH_REMATCH[1] / (BASH_REMATCH[2] > 0 ? BASH_REMATCH[2] : 1)))
            printf -v done_part '%*s' "$filled" ''
            printf -v rest '%*s' "$((width - filled))" ''
            printf '%s  %-14s [%s%s] %s/%s' "$erase" "$label" "${done_part// /#}" "$rest" \
                "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
        fi
    done
    if $is_terminal; then printf '%s' "$erase"; fi
}

# is_configured FOLDER [-DNAME=VALUE...]: whether CMake has prepared it with these values, and the
# presets as they are now.
is_configured() {
    local folder=$1 option
    shift
    [[ $folder/configured -nt $STRATA_ROOT/CMakePresets.json ]] || return 1
    for option in "$@"; do
        option=${option#-D}
        grep -q "^${option%%=*}:[A-Z]*=${option#*=}$" "$folder/CMakeCache.txt" || return 1
    done
}

# build_preset PRESET TARGET... -- [-DNAME=VALUE...]: configures where that was not done yet, and builds
# what is out of date.  Quiet; after a failure, the part of the log that says why.
build_preset() {
    local preset=$1 folder=$STRATA_ROOT/build/$1 log=$STRATA_ROOT/build/$1.log
    local targets=()
    shift
    while [[ $1 != -- ]]; do
        targets+=(--target "$1")
        shift
    done
    shift
    mkdir -p "$STRATA_ROOT/build"
    : >"$log"
    if ! is_configured "$folder" "$@"; then
        doing "$preset: configuring"
        if ! (cd "$STRATA_ROOT" && cmake --preset "$preset" "$@") >>"$log" 2>&1; then
            sed -n '/CMake Error/,$p' "$log" >&2
            fail 70 "configuring $preset failed: the whole log is $log"
        fi
        touch "$folder/configured"
    fi
    if ! (cd "$STRATA_ROOT" && cmake --build --preset "$preset" "${targets[@]}" 2>&1) |
        progress "$preset" "$log"; then
        # Compilers' command lines are long and in the log; their messages are what matters.
        grep -E -A 20 'FAILED:|CMake Error|error:' "$log" | grep -v ' -o .* -c ' | head -n 60 >&2 ||
            tail -n 40 "$log" >&2
        fail 70 "building $preset failed: the whole log is $log"
    fi
}
