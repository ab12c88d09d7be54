# What scripts/try --servers 3 shows: three servers that are copies of one, a registry that gives them their numbers, a
# server that dies, and one that hangs for longer than its number is granted. To be sourced by scripts/try.
# shellcheck shell=bash

lease=5 # seconds: how long a number rests whose server is gone; ten minutes unless it is said
registry_host=

# Servers are told apart by their ports: a socket's directory stands on the command line, as in all of them the
# configuration file is the same.
declare -A port_of=([a]=5433 [b]=5434 [c]=5435 [d]=5436)

data_of() { echo "$SNOWFLAKE_BUILD/try_$1/data"; }


on() { psql -X -q -At -P pager=off -h "$registry_host" -p "${port_of[$1]}" -c "$2"; }

start_registry() {
    start_server try
    registry_host="$PGHOST"
    ask "CREATE EXTENSION snowflake_registry;
         SELECT snowflake_registry_create_realm('main', 0, 2, lease => '$lease seconds')" >/dev/null
}

configuration() {
    stage_settings
    cat <<END_OF_CONFIGURATION
listen_addresses = ''
shared_preload_libraries = '$SNOWFLAKE_LIBRARY'
snowflake_id.registry = 'postgresql:///postgres?host=${registry_host//\//%2F}&port=5432&user=postgres'
snowflake_id.registry_wait = '1s'
END_OF_CONFIGURATION
}

start_one() {
    local data
    data="$(data_of "$1")"
    logged "start-$1" as_server_user pg_ctl start -w -s -D "$data" -l "$SNOWFLAKE_BUILD/try_$1/log" \
        -o "-p ${port_of[$1]} -k $registry_host"
}

make_first() {
    server_directory "$SNOWFLAKE_BUILD/try_a"
    logged initdb-a as_server_user initdb -D "$(data_of a)" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync
    configuration | as_server_user tee -a "$(data_of a)/postgresql.conf" >/dev/null
    snowflake_servers+=("$(data_of a)")
    start_one a
    on a "CREATE EXTENSION snowflake_id; CREATE TABLE made (id bigint DEFAULT snowflake_next(), server text)"
}

# A copy of the data directory, configuration and all, as one makes it to get a server more.
copy_first() {
    server_directory "$SNOWFLAKE_BUILD/try_$1"
    logged "copy-$1" as_server_user pg_basebackup -h "$registry_host" -p "${port_of[a]}" -U postgres -D "$(data_of "$1")" \
        --checkpoint=fast --no-sync
    snowflake_servers+=("$(data_of "$1")")
    start_one "$1"
}

# All of those named make IDs as densely as they can.
make_ids() {
    local server
    for server in "$@"; do
        on "$server" "INSERT INTO made (server) SELECT '$server' FROM generate_series(1, 400000)" &
    done
    wait
}

number_of() { on "$1" "SELECT 'server $1: node ' || node || ', ' || state FROM snowflake_node_status()"; }

postmaster_of() { head -n 1 "$(data_of "$1")/postmaster.pid"; }

processes_of() { postmaster_of "$1" && pgrep -P "$(postmaster_of "$1")"; }

kill_one() { postmaster_of "$1" | xargs kill -KILL; }

signal_all_of() { processes_of "$2" | xargs kill "-$1"; }

who_has_what() {
    printf '\n%s\n\n' "SELECT * FROM snowflake_registry_nodes;"
    psql -X -q -P pager=off -P footer=off -c \
        "SELECT node, held_by, state, date_trunc('second', until) AS until FROM snowflake_registry_nodes ORDER BY node"
}

count_all() {
    local server
    ask "CREATE TABLE made (id bigint, server text)"
    for server in a b c d; do
        on "$server" "COPY (SELECT id, '$server' FROM made WHERE server = '$server') TO STDOUT" | ask "COPY made FROM STDIN"
    done
    ask "SELECT count(*) - count(DISTINCT id) FROM made"
}

try_three_servers() {
    say "building the extension"
    stage_extension
    say "starting a registry and three servers, copies of one"
    start_registry
    make_first
    copy_first b
    copy_first c
    title "Three servers with one configuration file"
    configuration | grep '^snowflake_id.registry '
    printf '\n'
    for server in a b c; do number_of "$server"; done
    make_ids a b c
    who_has_what

    title "Server b is killed: its number rests until nothing that it made can be made again"
    kill_one b
    sleep 2
    who_has_what
    make_ids a c

    title "Server c hangs; for longer than its number is granted. Server d, one more copy, gets a number that is free"
    signal_all_of STOP c
    copy_first d
    until [[ "$(on d 'SELECT state FROM snowflake_node_status()')" == held ]]; do sleep 0.2; done
    start_one b
    until [[ "$(on b 'SELECT state FROM snowflake_node_status()')" == held ]]; do sleep 0.2; done
    make_ids a b d
    who_has_what

    title "Server c wakes up. Its number is another's now"
    signal_all_of CONT c
    sleep 0.5
    printf '\nSELECT snowflake_next();\n'
    on c "SELECT snowflake_next()" 2>&1 || true
    on c "SELECT snowflake_next()" &>/dev/null && die "the server that hung made an ID without a number"

    local duplicates
    duplicates="$(count_all)"
    title "$(ask "SELECT count(*) FROM made") IDs of four servers, $duplicates twice"
    show "SELECT server, (id >> 17) & 31 AS node, count(*) AS ids FROM made GROUP BY 1, 2 ORDER BY 1, 2;"
    [[ "$duplicates" == 0 ]]
}
