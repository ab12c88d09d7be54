# What it costs to read the time in an ID beside other times, and IDs as text. To be sourced by scripts/bench; writes
# reading.md.
# shellcheck shell=bash disable=SC2154 # what scripts/bench sets

# What --quick makes smaller.
reading_rounds=5 reading_rows=10000000

measure_reading() {
    serve
    sql -f "$source/reading.sql"
    say "times of $reading_rows rows"
    sql -c "SET max_parallel_workers_per_gather = 0" -c "CALL measure_timestamps($reading_rounds, $reading_rows)"
    say "IDs as text"
    sql -c "CALL measure_texts($reading_rounds, $((reading_rows / 100)))"
    say "writing $report/reading.md"
    sql -At -v machine="$(machine)" -v rows="$reading_rows" -f "$source/reading_report.sql" >"$report/reading.md"
}
