#!/usr/bin/env bash
# What scripts/majors runs inside the Debian of one major: builds, installs, runs pg_regress, kills the server.
# Writes TAP.
#
#     major.sh MAJOR
set -euo pipefail

major="$1"
bin="/usr/lib/postgresql/$major/bin"
data=/tmp/data
export LC_ALL=C.UTF-8 PGHOST=/tmp PGUSER=postgres PGDATABASE=postgres
cd /snowflake_id

check() {
    local name="$1"
    shift
    if "$@"; then echo "ok - $name"; else echo "not ok - $name" && return 1; fi
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

# The headers of PostgreSQL 18 and later have parameters that are not used. COPT does not reach C++ before.
build() {
    make -j "$(nproc)" PG_CONFIG="$bin/pg_config" CXX='g++ -Wall -Wextra -Wno-unused-parameter -Werror' &&
        make install PG_CONFIG="$bin/pg_config"
}

make_server() {
    rm -rf "$data" /tmp/.s.PGSQL.*
    as_postgres "$bin/initdb" -D "$data" -A trust -E UTF8 --locale=C.UTF-8 --no-sync &&
        echo "unix_socket_directories = '/tmp'" >>"$data/postgresql.conf"
}

start() { as_postgres "$bin/pg_ctl" start -w -s -D "$data" -l /tmp/data/log; }
stop() { as_postgres "$bin/pg_ctl" stop -w -s -D "$data" -m fast; }

# Not even an immediate shutdown: nothing is told to anybody. Its children end a little later.
kill_server() {
    kill -KILL "$(head -n 1 "$data/postmaster.pid")"
    local attempts=30
    while ((attempts-- > 0)); do
        start 2>/dev/null && return
        sleep 1
    done
    tail -n 5 /tmp/data/log
    return 1
}

regress() {
    local output=/tmp/output tests
    rm -rf "$output" && mkdir "$output" && chown postgres "$output"
    mapfile -t tests < <(find sql -name '*.sql' -exec basename {} .sql \; | sort)
    as_postgres "/usr/lib/postgresql/$major/lib/pgxs/src/test/regress/pg_regress" --bindir="$bin" \
        --inputdir=. --outputdir="$output" "${tests[@]}" && return
    cat "$output/regression.diffs"
    return 1
}

run() { psql -XqAt --set=ON_ERROR_STOP=1 "$@"; }
is_true() { [[ "$(run -c "$1")" == t ]]; }

load() {
    run -c 'CREATE EXTENSION IF NOT EXISTS snowflake_id' -c 'DROP TABLE IF EXISTS made' \
        -c 'CREATE TABLE made (life int, id bigint DEFAULT snowflake_next())' \
        -c 'INSERT INTO made SELECT 1 FROM generate_series(1, 100000)' \
        -c 'INSERT INTO made SELECT 1, id FROM snowflake_next_set(1000000) AS id'
}

more() { run -c 'INSERT INTO made SELECT 2 FROM generate_series(1, 100000)'; }

survive_a_crash() {
    check "IDs are made $1" load
    check "a killed server starts again $1" kill_server
    check "IDs are made after it $1" more
    check "no ID twice $1" is_true 'SELECT count(*) = count(DISTINCT id) AND count(*) = 1200000 FROM made'
    check "IDs made after it are larger $1" \
        is_true 'SELECT max(id) FILTER (WHERE life = 1) < min(id) FILTER (WHERE life = 2) FROM made'
}

check "builds without a warning" build
chown -R postgres .
check "a server starts" eval 'make_server && start'
regress || failed=true
survive_a_crash "without preload"
stop
echo "shared_preload_libraries = 'snowflake_id'" >>"$data/postgresql.conf"
check "a server starts with preload" start
survive_a_crash "with preload"
stop
[[ -z "${failed:-}" ]]
