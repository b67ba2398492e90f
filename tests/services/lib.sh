# shellcheck shell=bash
# What the private test servers of this folder share: the command line, the state that a server keeps in its folder, and
# starting, watching, stopping and pausing one process with its children. Sourced by `postgres` and `kafka`, which set SERVICE
# (name in messages), HELP (text of --help) and LIB_DIR (this folder) first.
# Not here: anything that knows what kind of server runs.

set -euo pipefail

# Seconds. A start takes some, on a machine with far too much to do a hundred: these bound a hang, and end no start that goes on.
# The environment may give the second: after it a server that was asked to end is asked harder.
LONGEST_START=600
STOP_SECONDS=${STOP_SECONDS:-30}

say() { printf '%s: %s\n' "$SERVICE" "$*" >&2; }

die() {
    say "$1"
    exit "${2:-1}"
}

usage_error() { die "$1; see '$0 --help'" 64; }

# ---- command line ----------------------------------------------------------------------------------------------------------

# Sets ACTION, DIR (absolute), VERSION ('' when not given), KILL (0 or 1) and CONF (key=value strings, in order). Options of one
# service alone are for its function own_option, which fails when it does not know one.
parse_command() {
    local arg words=()
    ACTION='' DIR='' VERSION='' KILL=0 CONF=()
    while (($#)); do
        arg=$1
        shift
        case $arg in
        -h | --help) printf '%s\n' "$HELP" && exit 0 ;;
        --kill) KILL=1 ;;
        --version=?*) VERSION=${arg#*=} ;;
        --conf=*) add_conf "${arg#*=}" ;;
        --conf | --version)
            (($#)) || usage_error "$arg needs a value"
            if [[ $arg == --conf ]]; then add_conf "$1"; else VERSION=$1; fi
            shift
            ;;
        -*) own_option "$arg" || usage_error "unknown option $arg" ;;
        *) words+=("$arg") ;;
        esac
    done
    ((${#words[@]} == 2)) || usage_error 'an action and a folder are needed'
    ACTION=${words[0]}
    [[ $ACTION =~ ^(start|stop|pause|resume)$ ]] || usage_error "unknown action '$ACTION'"
    DIR=$(realpath -m -- "${words[1]}")
    STATE=$DIR/state
}

add_conf() {
    [[ $1 =~ ^[A-Za-z0-9_.-]+= && $1 != *$'\n'* ]] || usage_error "--conf wants key=value on one line, not '$1'"
    CONF+=("$1")
}

# ---- state in DIR/state ----------------------------------------------------------------------------------------------------

remember() { printf '%s\n' "${@:2}" >"$STATE/$1"; }

# Prints what was remembered; fails when nothing was.
recall() { [[ -r $STATE/$1 ]] && cat "$STATE/$1"; }

# Keeps --conf over restarts: given settings replace the remembered ones, none given leaves them. Sets CONF.
settle_conf() {
    if ((${#CONF[@]})); then
        remember conf "${CONF[@]}"
    elif [[ -r $STATE/conf ]]; then
        mapfile -t CONF <"$STATE/conf"
    fi
}

# settle_version DEFAULT: data of one version is never opened by another. Sets VERSION.
settle_version() {
    local old
    if old=$(recall version); then
        [[ -z $VERSION || $VERSION == "$old" ]] || die "$DIR holds data of version $old; use another folder for $VERSION" 64
        VERSION=$old
    fi
    VERSION=${VERSION:-$1}
    remember version "$VERSION"
}

# Two commands on the same folder wait for each other. Where nothing was ever started there is nothing to stop.
lock_dir() {
    if [[ $ACTION != start && ! -d $STATE ]]; then
        [[ $ACTION != stop ]] || exit 0
        die "nothing runs in $DIR; start it first" 69
    fi
    mkdir -p "$STATE" || die "cannot create $STATE"
    exec {LOCK_FD}>"$STATE/lock"
    flock "$LOCK_FD"
}

# Root's own folder is closed to the user as whom a server of root runs, so root has another.
cache_dir() {
    local base=${XDG_CACHE_HOME:-}
    if [[ -z $base ]]; then
        if ((EUID == 0)); then base=/var/cache; else base=${HOME:?HOME is not set}/.cache; fi
    fi
    printf '%s\n' "$base/vsocd"
}

# ---- processes -------------------------------------------------------------------------------------------------------------

# Prints when PID was started (clock ticks since boot); fails when it is gone or a zombie. A pid with its start time cannot
# be mistaken for a later process that got the same number.
start_time() {
    local line fields
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${line##*) }"
    [[ ${fields[0]} != [ZX] ]] && printf '%s\n' "${fields[19]}"
}

# Prints the pid of this folder's server; fails when it does not run.
server_pid() {
    local pid born
    { read -r pid born <"$STATE/pid"; } 2>/dev/null || return 1
    [[ $(start_time "$pid") == "$born" ]] && printf '%s\n' "$pid"
}

# Prints PID and all its descendants, parents first.
process_tree() {
    local file line fields pid i list=("$1")
    local -A children=()
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        read -ra fields <<<"${line##*) }"
        [[ ${fields[0]} == [ZX] ]] || children[${fields[1]}]+=" ${line%% *}"
    done
    for ((i = 0; i < ${#list[@]}; i++)); do
        for pid in ${children[${list[i]}]:-}; do list+=("$pid"); done
    done
    printf '%s\n' "${list[@]}"
}

# signal SIGNAL PID...: a process that is gone already is fine.
signal() { kill -s "$1" "${@:2}" 2>/dev/null || true; }

# wait_gone SECONDS PID...: fails when one of them is still there after that time.
wait_gone() {
    local deadline=$((SECONDS + $1)) pid
    for pid in "${@:2}"; do
        while start_time "$pid" >/dev/null; do
            ((SECONDS < deadline)) || return 1
            sleep 0.02
        done
    done
}

# launch LOG COMMAND...: starts a server in a session of its own that holds none of our files, and remembers its pid in PID.
launch() {
    local log=$1
    shift
    (
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd < 3)) || eval "exec $fd>&-"
        done
        cd / && exec setsid -- "$@"
    ) >>"$log" 2>&1 </dev/null &
    PID=$!
    disown "$PID" # or bash would report its end
    remember pid "$PID $(start_time "$PID" || echo gone)"
    trap 'kill_server; exit 130' INT TERM
}

# Shows the errors in the last part of a log, and its end: a server that gives up says why before it says how it ends.
show_log() {
    say "errors and end of $1:"
    tail -n 1000 "$1" | grep -aE 'ERROR|FATAL|PANIC|Exception' | tail -n 8 | cut -c 1-500 >&2 || true
    tail -n 15 "$1" >&2
}

# wait_ready SECONDS LOG CHECK: returns once CHECK succeeds. A server that ends or is too slow is stopped, and its log shown.
wait_ready() {
    local deadline=$((SECONDS + $1)) why='is not ready in time'
    while ((SECONDS < deadline)); do
        if "$3"; then
            trap - INT TERM
            return 0
        fi
        server_pid >/dev/null || { why='ended while starting' && break; }
        sleep 0.05
    done
    kill_server
    say "server $why"
    show_log "$2"
    return 1
}

# SIGKILL for the server and its children: the parent is halted first, so that it can't start more meanwhile.
kill_server() {
    local pid list
    if pid=$(server_pid); then
        signal STOP "$pid"
        mapfile -t list < <(process_tree "$pid")
        signal KILL "${list[@]}"
        wait_gone 30 "${list[@]}" || die "processes ${list[*]} survive SIGKILL"
    fi
    rm -f "$STATE/pid"
}

# stop_server SIGNAL...: asks with each signal in turn (STOP_SECONDS each), then kills.
stop_server() {
    local pid list sig
    if pid=$(server_pid); then
        mapfile -t list < <(process_tree "$pid")
        for sig in "$@"; do
            signal "$sig" "$pid"
            signal CONT "${list[@]}"
            wait_gone "$STOP_SECONDS" "${list[@]}" && break
            say "no end within $STOP_SECONDS s of SIG$sig"
        done
    fi
    kill_server
}

# Halts the server with all its children, or lets them go on.
pause_server() {
    local pid list
    pid=$(server_pid) || die "no server runs in $DIR; start it first" 69
    signal STOP "$pid"
    mapfile -t list < <(process_tree "$pid")
    signal STOP "${list[@]}"
}

resume_server() {
    local pid list
    pid=$(server_pid) || die "no server runs in $DIR; start it first" 69
    mapfile -t list < <(process_tree "$pid")
    signal CONT "${list[@]}"
}

# ---- packages --------------------------------------------------------------------------------------------------------------

# fetch_jars POM TARGET PROPERTY...: the jars of a pom into TARGET, once; callers at the same time wait for the first.
fetch_jars() {
    local pom=$1 target=$2 partial log try fd
    [[ -d $target ]] && return
    command -v mvn >/dev/null || die "mvn is missing: run deploy/install-deps --demo" 69
    mkdir -p "${target%/*}"
    exec {fd}>"${target%/*}/lock"
    flock "$fd"
    if [[ ! -d $target ]]; then
        say "fetching ${target##*/} (once)"
        partial=$(mktemp -d "$target.XXXXXX")
        log=$partial.log
        for try in 1 2 3; do
            if mvn -B -ntp -f "$pom" "${@:3}" "-DoutputDirectory=$partial" "-Dmdep.useRepositoryLayout=false" \
                dependency:copy-dependencies >"$log" 2>&1 </dev/null; then
                chmod 755 "$partial"
                mv -T "$partial" "$target"
                rm -f "$log"
                break
            fi
            say "try $try of 3 failed, see $log"
        done
    fi
    exec {fd}>&-
    [[ -d $target ]] || die "could not fetch ${target##*/}: is the Maven repository reachable? See $log" 69
}
