# Single calls: how long each takes, on a quiet disk and a slow one, with few clients and many, while checkpoints run or
# a neighbour makes arrays. To be sourced by scripts/bench; writes latency.md and latency.svg.
# shellcheck shell=bash disable=SC2154 # what scripts/bench sets

# What --quick makes smaller.
latency_clients=(1 8 64 500) latency_loads=(checkpoints arrays) latency_rounds=3 latency_seconds=2
latency_burst=20 # calls after each pause
slow_ms=200
busy_file="$work/busy"

measure_latency() {
    say "building a slow disk"
    need_packages gcc make libpq-dev
    logged build-slow-disk make -C "$SNOWFLAKE_BUILD/bench" -f "$source/slow_disk/Makefile" \
        VPATH="$source/slow_disk" PG_CONFIG="$PG_CONFIG"
    : >"$work/latency.tsv"
    serve_latency
    measure_latency_cases quiet
    stop_at_once
    LD_PRELOAD="$SNOWFLAKE_BUILD/bench/slow_disk.so" SLOW_DISK_MS="$slow_ms" serve_latency
    measure_latency_cases "$slow_ms ms"
    stop_at_once
    serve_latency
    report_latency
}

# Nothing that happens now and then falls into a case that does not say so.
serve_latency() {
    stop_servers
    start_server bench-server 'shared_buffers = 1GB' 'max_wal_size = 16GB' 'checkpoint_timeout = 1h' \
        'autovacuum = off' 'jit = off' 'max_connections = 520'
    sql -v bench_library="$bench_library" -f "$source/contenders.sql" -f "$source/latency.sql"
}

# A slow disk would take seconds for the last checkpoint.
stop_at_once() {
    as_server_user pg_ctl stop -s -D "$SNOWFLAKE_BUILD/bench-server/data" -m immediate
    # shellcheck disable=SC2034 # for scripts/lib/common.sh
    snowflake_servers=()
}

measure_latency_cases() {
    local disk="$1" clients load
    for clients in "${latency_clients[@]}"; do measure_latency_case "$disk" idle "$clients"; done
    for load in "${latency_loads[@]}"; do measure_latency_case "$disk" "$load" 8; done
    sql -c '\copy latency TO pstdout' >>"$work/latency.tsv"
}

# measure_latency_case DISK LOAD CLIENTS
measure_latency_case() {
    local round name
    say "single calls: $1 disk, $3 clients, $2"
    latency_neighbour "$2"
    for ((round = 1; round <= latency_rounds; round++)); do
        while IFS='|' read -r name; do
            run_latency_clients "$1" "$2" "$3" "$name"
        done < <(sql -AtF '|' -c 'SELECT name FROM measured')
    done
    rm "$busy_file"
    wait
}

# All clients begin together when they are connected and have called once. The pause lets all of them have some 8000 bursts a second together,
# as far as a client alone can: two cores are then busy in part, and no call waits in a queue of our making for long.
run_latency_clients() {
    local disk="$1" load="$2" clients="$3" name="$4"
    local pause_us=$((clients == 1 ? 200 : clients * 125))
    cat >"$work/latency-client.sql" <<SQL
INSERT INTO latency SELECT '$disk', '$load', $clients, name, l.*
FROM measured, latency_of(function, argument, to_timestamp(:begins), to_timestamp(:begins + $latency_seconds),
                          $latency_burst, $pause_us) AS l
WHERE name = '$name'
SQL
    PGOPTIONS='-c synchronous_commit=off' pgbench -n -t 1 -c "$clients" -j "$((clients < 2 ? 1 : 2))" \
        -D begins="$(awk "BEGIN { printf \"%.3f\", $EPOCHREALTIME + 0.8 + $clients / 100 }")" -f "$work/latency-client.sql" \
        &>"$SNOWFLAKE_LOGS/pgbench.log" || die "pgbench failed: $SNOWFLAKE_LOGS/pgbench.log"
}

# What others do meanwhile, until busy_file is gone, or the server.
latency_neighbour() {
    touch "$busy_file"
    case "$1" in
    checkpoints) keep_checkpointing & ;;
    arrays) keep_making_arrays & ;;
    esac
}

keep_checkpointing() {
    while [[ -e "$busy_file" ]] &&
        sql -c "INSERT INTO load SELECT repeat('x', 100) FROM generate_series(1, 20000)" -c CHECKPOINT; do sleep 0.5; done
} &>/dev/null

keep_making_arrays() {
    while [[ -e "$busy_file" ]] && sql -c "SELECT cardinality(snowflake_next_array(10000000))"; do :; done
} &>/dev/null

report_latency() {
    say "writing $report/latency.md"
    sql -c '\copy latency FROM pstdin' <"$work/latency.tsv"
    sql -At -v machine="$(machine)" -v slow_ms="$slow_ms" -v burst="$latency_burst" \
        -f "$source/latency_report.sql" >"$report/latency.md"
    (cd "$work" && sql -f "$source/latency_plots.sql")
    gnuplot -e "data = '$work'; target = '$report'; slow_ms = $slow_ms; many = ${latency_clients[-1]}" "$source/latency.gp"
}
