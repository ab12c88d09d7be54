# What keys of each kind cost on disk: after single inserts by 64 clients, and after one large one. To be sourced by
# scripts/bench; writes storage.md.
# shellcheck shell=bash disable=SC2154 # what scripts/bench sets

# What --quick makes smaller.
storage_rounds=2 storage_rows=500000 storage_bulk_rows=2000000
storage_clients=64

measure_storage() {
    serve
    sql -f "$source/storage.sql"
    local round key
    for ((round = 1; round <= storage_rounds; round++)); do
        say "storage: $storage_clients clients, round $round of $storage_rounds"
        while read -r key; do insert_one_by_one "$key"; done < <(sql -Atc 'SELECT key FROM key_kind ORDER BY position')
        say "storage: one client"
        sql -c "CALL measure_bulk_storage($storage_bulk_rows)"
    done
    say "writing $report/storage.md"
    sql -At -v machine="$(machine)" -v clients="$storage_clients" -v rows="$storage_rows" -v bulk_rows="$storage_bulk_rows" \
        -f "$source/storage_report.sql" >"$report/storage.md"
}

insert_one_by_one() {
    local before
    sql -c "TRUNCATE kept_$1" -c CHECKPOINT
    before="$(sql -Atc 'SELECT pg_current_wal_insert_lsn()')"
    pgbench -n -t "$((storage_rows / storage_clients))" -c "$storage_clients" -j 2 -f /dev/stdin \
        <<<"INSERT INTO kept_$1 DEFAULT VALUES" &>"$SNOWFLAKE_LOGS/pgbench.log" ||
        die "pgbench failed: $SNOWFLAKE_LOGS/pgbench.log"
    sql -c "CALL keep_figures('$1', 'single', '$before')"
}
