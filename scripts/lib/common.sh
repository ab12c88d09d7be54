# What the scripts share: progress lines, packages, the staged extension, private servers. To be sourced.
#
#     source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
#     need_packages postgresql-contrib       # PostgreSQL itself is installed by the next line
#     stage_extension                        # make, make install below build/stage
#     start_server demo 'work_mem = 64MB'    # now psql, pgbench … find it
#
# PG_CONFIG chooses the PostgreSQL, as it does for make. Everything made lies below build/, or in the directory
# SNOWFLAKE_BUILD, which is created if it is not there. PostgreSQL does not run as root: for root the servers run as an
# unprivileged user, and where that user cannot get at the directory, it is one in /tmp instead. Servers listen on a
# unix socket only, which nobody else can open, and end with the script.
# shellcheck shell=bash

SNOWFLAKE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
SNOWFLAKE_BUILD="${SNOWFLAKE_BUILD:-$SNOWFLAKE_ROOT/build}"
SNOWFLAKE_LOGS="$SNOWFLAKE_ROOT/build/log"
SNOWFLAKE_SERVER_USER=
export SNOWFLAKE_ROOT SNOWFLAKE_BUILD SNOWFLAKE_LOGS
export LC_ALL=C.UTF-8
umask 022
mkdir -p "$SNOWFLAKE_LOGS" "$SNOWFLAKE_BUILD"
SNOWFLAKE_BUILD="$(cd "$SNOWFLAKE_BUILD" && pwd)" # servers and tests run in other directories

snowflake_servers=() # data directories
snowflake_litter=()  # directories to remove at the end

# --- Words -----------------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$(basename "$0"): $*"
    exit 1
}

# Runs a command with its output in build/log/NAME.log, which is shown if it fails.
logged() {
    local log="$SNOWFLAKE_LOGS/$1.log"
    shift
    "$@" >"$log" 2>&1 && return
    tail -n 30 "$log" >&2
    say "failed: $* (all of it: $log)"
    return 1
}

# --- Packages --------------------------------------------------------------------------------------------------

# Installs what is missing of these Debian packages.
need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) && return
    command -v apt-get >/dev/null || {
        say "no apt-get here: make sure that there is what Debian calls ${missing[*]}"
        return 0
    }
    say "installing ${missing[*]}"
    logged packages install_packages "${missing[@]}" || die "cannot install ${missing[*]}"
}

missing_packages() {
    local package
    for package in "$@"; do
        [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] ||
            echo "$package"
    done
}

install_packages() {
    as_root apt-get update -q || return
    keep_cluster_from_being_made
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Neither root nor sudo: as root, run: $*"
        return 1
    fi
}

# Debian's PostgreSQL makes and starts a server when it is installed. We want none that outlives us, so we say so
# beforehand; a machine that has PostgreSQL is left as it is.
keep_cluster_from_being_made() {
    [[ -e /etc/postgresql-common ]] && return
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" |
        as_root tee /etc/postgresql-common/createcluster.d/snowflake_id.conf >/dev/null
}

# need_commands DIRECTORY COMMAND:PACKAGE…: puts commands that are missing into the PATH. Their packages would start
# services, now and at each boot; so they are not installed, but unpacked into a directory.
need_commands() {
    local directory="$1" wanted
    shift
    PATH="$PATH:$directory/usr/bin"
    for wanted in "$@"; do
        command -v "${wanted%:*}" >/dev/null || unpack_package "${wanted#*:}" "$directory" ||
            die "no ${wanted%:*} here: make sure that there is what Debian calls ${wanted#*:}"
    done
}

unpack_package() {
    local package="$1" directory="$2"
    say "unpacking $package"
    mkdir -p "$directory" && logged "download-$package" download_package "$package" "$directory" &&
        dpkg-deb --extract "$directory/$package"_*.deb "$directory" && rm "$directory/$package"_*.deb
}

# A new machine knows no packages yet.
download_package() {
    env -C "$2" apt-get download -q "$1" || { as_root apt-get update -q && env -C "$2" apt-get download -q "$1"; }
}

# PostgreSQL with its headers: the one of PG_CONFIG, or else the newest installed, or else Debian's own.
need_postgresql() {
    if [[ -z "${PG_CONFIG:-}" ]]; then
        need_packages g++ make libpq-dev libcurl4-openssl-dev
        local major
        major="$(installed_major)"
        [[ -n "$major" ]] || major="$(packaged_major)"
        if [[ -n "$major" ]]; then
            need_packages "postgresql-$major" "postgresql-server-dev-$major"
            PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config"
        else
            PG_CONFIG="$(command -v pg_config)" || die "no PostgreSQL found: set PG_CONFIG"
        fi
    fi
    [[ -f "$("$PG_CONFIG" --pgxs)" ]] || die "$PG_CONFIG: no headers for server extensions (PGXS) there"
    export PG_CONFIG
    SNOWFLAKE_MAJOR="$("$PG_CONFIG" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')"
    PATH="$("$PG_CONFIG" --bindir):$PATH"
    export SNOWFLAKE_MAJOR PATH
    choose_server_user
}

installed_major() {
    local bin newest=
    for bin in /usr/lib/postgresql/*/bin/postgres; do
        [[ -x "$bin" ]] && newest="$newest $(basename "${bin%/bin/postgres}")"
    done
    tr ' ' '\n' <<<"$newest" | sort -n | tail -n 1
}

packaged_major() {
    command -v apt-cache >/dev/null || return 0
    local found
    found="$(apt-cache depends postgresql 2>/dev/null | sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p')"
    if [[ -z "$found" ]]; then
        need_packages postgresql >&2 # a new machine knows no packages yet; this asks for them
        found="$(installed_major)"
    fi
    echo "$found"
}

# --- The server's user -----------------------------------------------------------------------------------------

choose_server_user() {
    if ((EUID != 0)) || [[ -n "$SNOWFLAKE_SERVER_USER" ]]; then return; fi
    command -v setpriv >/dev/null || die "setpriv (util-linux) is needed to run PostgreSQL for root"
    SNOWFLAKE_SERVER_USER=nobody
    if getent passwd postgres >/dev/null; then SNOWFLAKE_SERVER_USER=postgres; fi
    if ! as_server_user test -x "$SNOWFLAKE_BUILD"; then
        say "$SNOWFLAKE_SERVER_USER cannot get at $SNOWFLAKE_BUILD"
        SNOWFLAKE_BUILD="$(mktemp -d /tmp/snowflake_id.XXXXXX)"
        chmod 755 "$SNOWFLAKE_BUILD"
        snowflake_litter+=("$SNOWFLAKE_BUILD")
        say "working in $SNOWFLAKE_BUILD"
    fi
}

# Runs a command as an unprivileged user if we are root, else directly.
as_server_user() {
    if ((EUID != 0)); then
        "$@"
        return
    fi
    [[ -n "$SNOWFLAKE_SERVER_USER" ]] || choose_server_user
    local directory=. # where we are, or a directory that the user can be in
    [[ "$PWD" == "$SNOWFLAKE_BUILD"* ]] || [[ "$SNOWFLAKE_BUILD" == "$SNOWFLAKE_ROOT"/* ]] || directory="$SNOWFLAKE_BUILD"
    env -C "$directory" setpriv --reuid="$SNOWFLAKE_SERVER_USER" --regid="$(id -g "$SNOWFLAKE_SERVER_USER")" --init-groups \
        env HOME="$SNOWFLAKE_BUILD" "$@"
}

# Makes an empty directory that belongs to the server's user.
server_directory() {
    rm -rf "$1"
    mkdir -p "$1"
    if ((EUID == 0)); then chown "$SNOWFLAKE_SERVER_USER" "$1"; fi
}

# --- The extension ---------------------------------------------------------------------------------------------

# Builds the extension and installs it below build/stage, not into the system.
# Sets SNOWFLAKE_STAGE, and SNOWFLAKE_LIBRARY for shared_preload_libraries.
stage_extension() {
    need_postgresql
    SNOWFLAKE_STAGE="$SNOWFLAKE_BUILD/stage"
    SNOWFLAKE_LIBRARY="$SNOWFLAKE_STAGE$("$PG_CONFIG" --pkglibdir)/snowflake_id.so"
    export SNOWFLAKE_STAGE SNOWFLAKE_LIBRARY
    logged build build_and_stage || die "the extension does not build"
}

build_and_stage() {
    local made_for="$SNOWFLAKE_ROOT/build/made-for" make=(make -C "$SNOWFLAKE_ROOT" PG_CONFIG="$PG_CONFIG")
    if [[ "$("$PG_CONFIG" --version)" != "$(cat "$made_for" 2>/dev/null)" ]]; then
        "${make[@]}" clean || return # objects of another PostgreSQL may lie about
        "$PG_CONFIG" --version >"$made_for"
    fi
    rm -rf "$SNOWFLAKE_STAGE"
    "${make[@]}" -j "$(nproc)" && "${make[@]}" install DESTDIR="$SNOWFLAKE_STAGE"
}

# Lines for postgresql.conf by which a server finds the staged extension.
stage_settings() {
    if ((SNOWFLAKE_MAJOR >= 18)); then
        echo "extension_control_path = '$SNOWFLAKE_STAGE$("$PG_CONFIG" --sharedir):\$system'"
        echo "dynamic_library_path = '$(dirname "$SNOWFLAKE_LIBRARY"):\$libdir'"
    else
        echo "extension_destdir = '$SNOWFLAKE_STAGE'" # a patch of Debian's
    fi
}

# --- Servers ---------------------------------------------------------------------------------------------------

# start_server NAME [CONF-LINE…]: a new, empty server in build/NAME. psql and all other clients find it by
# PGHOST, PGPORT, PGUSER and PGDATABASE.
start_server() {
    local name="$1" directory socket
    shift
    need_postgresql
    directory="$SNOWFLAKE_BUILD/$name"
    as_server_user pg_ctl stop -s -D "$directory/data" -m immediate &>/dev/null || true # of a run that was killed
    server_directory "$directory"
    socket="$(mktemp -d /tmp/snowflake_id.XXXXXX)" # a socket's path must be short
    snowflake_litter+=("$socket")
    if ((EUID == 0)); then chown "$SNOWFLAKE_SERVER_USER" "$socket"; fi
    make_and_start "$name" "$socket" "$@" || {
        tail -n 20 "$directory/log" >&2 || true
        die "the server $name does not start"
    }
    snowflake_servers+=("$directory/data")
    export PGHOST="$socket" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

make_and_start() {
    local name="$1" data="$SNOWFLAKE_BUILD/$1/data"
    shift
    logged "initdb-$name" as_server_user initdb -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync &&
        server_settings "$@" | as_server_user tee -a "$data/postgresql.conf" >/dev/null &&
        logged "start-$name" as_server_user pg_ctl start -w -s -D "$data" -l "$SNOWFLAKE_BUILD/$name/log"
}

server_settings() {
    local socket="$1"
    shift
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$socket'"
    if [[ -n "${SNOWFLAKE_STAGE:-}" ]]; then stage_settings; fi
    (($# == 0)) || printf '%s\n' "$@"
}

# Stops all servers started here.
stop_servers() {
    local data
    for data in "${snowflake_servers[@]}"; do
        as_server_user pg_ctl stop -s -D "$data" -m fast || true
    done
    snowflake_servers=()
}

clean_up() {
    trap '' INT TERM HUP # once is enough
    stop_servers
    ((${#snowflake_litter[@]} == 0)) || rm -rf "${snowflake_litter[@]}"
    snowflake_litter=()
}

# However the script ends. A script with a trap of its own calls clean_up in it.
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
