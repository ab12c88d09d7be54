# The parts of scripts/test, one function each. To be sourced.
#
# A part writes what its tests say to stdout; scripts/test counts the single results in it (scripts/lib/count.awk)
# and takes a status other than 0 without one as a failure of its own. Checks that no test tool reports are
# written in the form of TAP: ok - NAME, not ok - NAME.
# shellcheck shell=bash

# shellcheck disable=SC2034 # scripts/test walks over them
parts=(lint build library tidy unit regress pgtap tap registry monitoring docs clients drill bench pg13 pg19)
# shellcheck disable=SC2034
long_parts=(tidy registry monitoring clients drill bench pg13 pg19) # left out by --quick
# shellcheck disable=SC2034
quick_tap='001 002 005 007 101 112 114 205 206 301 306 307 501 520 530 550 560 570 580' # what --quick runs of tap
# shellcheck disable=SC2034
release_parts=(package pg15 pg17 pg18 portable soak upgrade mutants) # added by --all

describe_parts() {
    cat <<'END'
    lint      clang-format, shellcheck; names in SQL scripts are bound; the Makefile builds elsewhere, META.json, make dist;
              released scripts have not changed
    build     the extension builds without a warning, by g++ with etcd and by clang++ without (with --quick the latter)
    library   needs libc only, exports nothing but what PostgreSQL calls; the registry's library: libpq and libcurl too
    tidy      clang-tidy finds no mistake in src/, by the list of .clang-tidy
    unit      the core: GoogleTest, plain, under the address and undefined sanitizers, and what has threads under that
              of threads; the models of horizon and reset; fuzzers (with --quick only address and undefined)
    regress   pg_regress: sql/, expected/
    pgtap     pgTAP: test/pgtap/
    tap       servers that crash, race, lose their clock: test/tap/
    registry  the clients of a registry of node numbers, with an etcd, a PostgreSQL, silent servers: test/registry/
    monitoring
              alerts and dashboard of monitoring/ with an exporter and a Prometheus: test/monitoring/ (with --quick
              one alert only is made to fire)
    docs      the examples in README.md, SECURITY.md and docs/; docs/reference.md beside the catalog
    clients   docs/javascript.md and docs/orms.md, run with the tools that they name, which npm fetches or Debian has
              (with --quick two of the ORMs)
    drill     scripts/drill: a Patroni cluster under load loses its leader
    bench     scripts/bench --quick and scripts/stalls --quick run; no figure is asserted
    pg13, pg19
              the oldest and the newest major version of PostgreSQL, each in a Debian of its own: the extension builds
              without a warning; pg_regress, pgTAP, some of test/tap/ (with --all, all of it)

Only with --all, before a release:

    package   scripts/package: zip, PGXN, Debian with every major; README's first statements with what these install
    pg15, pg17, pg18
              those between; with 17, docs/pg_partman.md and docs/timescaledb.md
    portable  scripts/portable: arm64, s390x; undefined behaviour is a trap; Valgrind
    soak      scripts/soak 0.02: all faults at random, a minute of them
    upgrade   pg_upgrade from 15 to 17 and 18, with the clock set back
    mutants   scripts/mutants: each way to break the extension is noticed
END
}

packages_of() {
    case "$1" in
        lint) echo clang-format shellcheck git unzip ;;
        build) echo clang ;;
        tidy) echo clang-tidy ;;
        library) echo binutils ;;
        unit) echo cmake libgtest-dev clang libclang-rt-dev spin ;;
        pgtap) echo "postgresql-$SNOWFLAKE_MAJOR-pgtap" libtap-parser-sourcehandler-pgtap-perl ;;
        tap) echo libipc-run-perl faketime etcd-server procps socat pgbouncer "postgresql-$SNOWFLAKE_MAJOR-cron" "postgresql-$SNOWFLAKE_MAJOR-pgaudit" ;;
        registry) echo libipc-run-perl etcd-server curl openssl ;;
        monitoring) echo libipc-run-perl faketime ;;
        docs) echo "postgresql-$SNOWFLAKE_MAJOR-partman" ;;
        pg[0-9]* | upgrade | package) ((EUID != 0)) || echo mmdebstrap ;; # nobody else can use it
        portable)
            echo cmake googletest qemu-user-static g++-aarch64-linux-gnu g++-s390x-linux-gnu mmdebstrap clang valgrind
            packages_of pgtap
            ;;
        clients)
            packages_of_node
            packages_of_orms
            ;;
        *) ;;
    esac
}

# Node.js often comes from elsewhere than Debian, and then brings npm along.
packages_of_node() {
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

# Quickly: what npm fetches, and SQLAlchemy.
packages_of_orms() {
    echo python3-sqlalchemy python3-alembic python3-psycopg2
    echo socat
    [[ -z "${SNOWFLAKE_QUICK:-}" ]] || return 0
    echo python3-django ruby-activerecord ruby-pg libpostgresql-jdbc-java libhibernate3-java libjavassist-java
    command -v javac >/dev/null || echo default-jdk-headless
}

# check NAME COMMAND…
check() {
    local name="$1"
    shift
    if "$@"; then echo "ok - $name"; else echo "not ok - $name"; fi
}

# --- Without a server --------------------------------------------------------------------------------------------

part_lint() {
    cd "$SNOWFLAKE_ROOT" || return
    local cpp shell
    mapfile -t cpp < <(find src test bench \( -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null)
    mapfile -t shell < <(grep -lE '^#!.*\b(ba)?sh\b|shellcheck shell=bash' -r scripts .ci test bench 2>/dev/null)
    check clang-format clang-format --dry-run --Werror "${cpp[@]}"
    check shellcheck shellcheck --external-sources --source-path=SCRIPTDIR --source-path=. "${shell[@]}"
    check "names in install scripts and views are bound" scripts/lib/bound_sql.pl snowflake_*--*.sql
    prove --verbose test/lint/*.t
}

# In a copy, because a warning shows only when a file is compiled. The other compiler has no etcd, to save time.
part_build() {
    [[ -n "${SNOWFLAKE_QUICK:-}" ]] || check "builds without a warning by g++" builds_without_a_warning CXX=g++ WITH_ETCD=yes
    check "builds without a warning by clang++, without etcd" builds_without_a_warning CXX=clang++ WITH_ETCD=no
}

# Not of designated initializers, which leave out what has a default. PostgreSQL's headers are the system's; its flags
# are for its own compiler.
strict_options() {
    echo -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wno-missing-field-initializers -Werror \
        -Wno-unknown-warning-option -isystem "$("$PG_CONFIG" --includedir-server)"
}

builds_without_a_warning() {
    local copy="$SNOWFLAKE_ROOT/build/warnings"
    rm -rf "$copy" && mkdir "$copy" &&
        cp -r "$SNOWFLAKE_ROOT"/{Makefile,src,snowflake_*.control,snowflake_*--*.sql} "$copy" &&
        find "$copy/src" -name '*.[ob]*' -delete &&
        make -C "$copy" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" COPT="$(strict_options)" "$@"
}

part_tidy() {
    cd "$SNOWFLAKE_ROOT" || return
    export -f tidy
    # shellcheck disable=SC2016 # for the inner shell
    find src -name '*.cpp' -print0 | sort -z | xargs -0 -P "$(nproc)" -n 1 bash -c 'tidy "$1"' _
}

# Says what is found and the verdict in one piece, for others are at work.
tidy() {
    local said
    if said="$(clang-tidy --quiet "$1" -- -std=c++20 -Isrc -D_GNU_SOURCE -DSNOWFLAKE_WITH_ETCD -Wno-register \
        -isystem "$("$PG_CONFIG" --includedir-server)" -I"$("$PG_CONFIG" --includedir)" 2>/dev/null)"; then
        echo "ok - $1"
    else
        printf '%s\nnot ok - %s\n' "$said" "$1"
    fi
}

part_library() {
    check "needs libc only" needs_libc_only
    check "exports only what PostgreSQL calls" exports_only_what_postgresql_calls
    check "uses nothing of the C++ runtime" uses_no_cxx_runtime
    check "the registry's library needs libc, libpq and libcurl only" registry_needs_few_libraries
    check "the registry's library exports only what the worker calls" registry_exports_only_what_the_worker_calls
}

registry_library() { echo "$(dirname "$SNOWFLAKE_LIBRARY")/snowflake_id_registry.so"; }

# ld-linux is a part of libc; libpthread, too, in new ones.
registry_needs_few_libraries() {
    needed_by "$(registry_library)" | no_line -vE '^(libc|libpthread|libpq|libcurl|ld-linux-[a-z0-9-]+)\.so'
}

registry_exports_only_what_the_worker_calls() {
    [[ "$(exported_by "$(registry_library)" | sort | xargs)" == \
        "Pg_magic_func snowflake_registry_create_client snowflake_registry_destroy_client" ]]
}

needed_by() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

exported_by() { nm -D --defined-only "$1" | awk '{ print $NF }'; }

# Reads lines; true if none matches. Shows those that do.
no_line() { ! grep "$@"; }

needs_libc_only() {
    needed_by "$SNOWFLAKE_LIBRARY" | no_line -v '^libc\.so'
}

exports_only_what_postgresql_calls() {
    exported_by "$SNOWFLAKE_LIBRARY" |
        no_line -vE '^(Pg_magic_func|_PG_init|(pg_finfo_)?snowflake_[a-z_]+)$'
}

# Mangled names (operator new is one), exceptions, guards. __cxa_finalize is libc's.
uses_no_cxx_runtime() {
    nm -D --undefined-only "$SNOWFLAKE_LIBRARY" | awk '{ print $NF }' |
        no_line -E '^(_Z|__cxa_[^f]|__gxx_|_Unwind_|__dynamic_cast)'
}

# Quickly: one build, without optimization, instead of three and the fuzzers. Both compilers warn of mistakes in tests;
# g++ with the address sanitizer warns of some that are none. The sanitizers find no more in what is better optimized.
part_unit() {
    cd "$SNOWFLAKE_ROOT" || return
    if [[ -n "${SNOWFLAKE_QUICK:-}" ]]; then
        unit_tests build/unit-quick address -DCMAKE_BUILD_TYPE=Debug -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
        return
    fi
    local status=0
    local options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_COMPILE_WARNING_AS_ERROR=ON)
    local sanitized=("${options[@]}" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O1 -g1')
    unit_tests build/unit none "${options[@]}" || status=1
    unit_tests build/unit-address address "${sanitized[@]}" -DSNOWFLAKE_FUZZ=ON || status=1
    unit_tests build/unit-thread thread "${sanitized[@]}" || status=1
    return "$status"
}

# unit_tests DIRECTORY SANITIZER CMAKE-OPTION…
unit_tests() {
    local directory="$1" sanitizer="$2"
    shift 2
    cmake -S . -B "$directory" -DSNOWFLAKE_SANITIZE="$sanitizer" "$@" &&
        cmake --build "$directory" --parallel "$(nproc)" &&
        without_address_randomization ctest --test-dir "$directory" --timeout 600 --no-tests=error --output-on-failure \
            --parallel "$(nproc)"
}

# The thread sanitizer of older compilers does not start where a kernel randomizes addresses widely.
without_address_randomization() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

# --- With a server -----------------------------------------------------------------------------------------------

# What the server's user is to read lies in a copy if we are root, for it may not get at ours.
readable_tree() {
    if ((EUID != 0)); then
        echo "$SNOWFLAKE_ROOT"
        return
    fi
    local copy="$SNOWFLAKE_BUILD/tests" directory
    server_directory "$copy"
    for directory in sql expected test monitoring docs; do
        [[ ! -e "$SNOWFLAKE_ROOT/$directory" ]] || cp -r "$SNOWFLAKE_ROOT/$directory" "$copy"
    done
    chown -R "$SNOWFLAKE_SERVER_USER" "$copy"
    echo "$copy"
}

pgxs_test() { echo "$(dirname "$("$PG_CONFIG" --pgxs)")/../test"; }

part_regress() {
    start_server regress 'fsync = off'
    local tree output="$SNOWFLAKE_BUILD/regress/output" tests
    tree="$(readable_tree)"
    mapfile -t tests < <(find "$tree/sql" -name '*.sql' -exec basename {} .sql \; | sort)
    server_directory "$output"
    as_server_user "$(pgxs_test)/regress/pg_regress" --bindir="$("$PG_CONFIG" --bindir)" \
        --inputdir="$tree" --outputdir="$output" "${tests[@]}" || {
        cat "$output/regression.diffs"
        return 1
    }
}

part_pgtap() {
    start_server pgtap 'fsync = off'
    pg_prove --verbose --dbname postgres "$SNOWFLAKE_ROOT"/test/pgtap/*.sql
}

# Three at a time, as most of them wait for something. Those that look at how long sessions are held up say so, and run
# alone; quickly, two of them at a time. SNOWFLAKE_TAP names those to run, by how their names begin: '101 3 530', say.
part_tap() {
    local jobs=1 status=0 begin chosen=() alone others
    [[ -z "${SNOWFLAKE_QUICK:-}" ]] || jobs=2
    server_directory "$SNOWFLAKE_BUILD/tap"
    cd "$(readable_tree)" || return
    for begin in ${SNOWFLAKE_TAP:-}; do chosen+=("test/tap/$begin"*.pl); done
    ((${#chosen[@]} > 0)) || chosen=(test/tap/*.pl)
    mapfile -t alone < <(grep -l '^# Runs alone' "${chosen[@]}")
    mapfile -t others < <(grep -L '^# Runs alone' "${chosen[@]}")
    ((${#others[@]} == 0)) || prove_on_servers tap 3 "${others[@]}" || status=1
    ((${#alone[@]} == 0)) || prove_on_servers tap "$jobs" "${alone[@]}" || status=1
    return "$status"
}

# The clients are asked by a program, as the worker process does; there is no server of ours in it.
part_registry() {
    local tools="$SNOWFLAKE_BUILD/registry-tools"
    server_directory "$SNOWFLAKE_BUILD/registry"
    mkdir -p "$tools"
    g++ -std=c++20 -I"$SNOWFLAKE_ROOT/src" "$SNOWFLAKE_ROOT/test/registry/client.cpp" -o "$tools/registry_client" -ldl &&
        gcc -shared -fPIC "$SNOWFLAKE_ROOT/test/registry/slow_resolver.c" -o "$tools/slow_resolver.so" -ldl || return
    cd "$(readable_tree)" || return
    REGISTRY_CLIENT="$tools/registry_client" REGISTRY_LIBRARY="$(registry_library)" \
        SLOW_RESOLVER="$tools/slow_resolver.so" prove_on_servers registry 1 test/registry/*.pl
}

# Exporter and Prometheus for the servers of the tests; those that the machine may run are left alone.
part_monitoring() {
    server_directory "$SNOWFLAKE_BUILD/monitoring"
    need_commands "$SNOWFLAKE_BUILD/monitoring-tools" \
        prometheus:prometheus promtool:prometheus prometheus-postgres-exporter:prometheus-postgres-exporter
    cd "$(readable_tree)" || return
    prove_on_servers monitoring 2 test/monitoring/*.pl
}

# prove_on_servers DIRECTORY JOBS TEST…, in build/DIRECTORY
prove_on_servers() {
    local directory="$1" jobs="$2"
    shift 2
    (($# > 0)) || return 0
    with_test_modules "$directory" prove --verbose --timer --jobs "$jobs" -I "$(pgxs_test)/perl" -I test/tap/lib \
        -I test/registry/lib -I test/monitoring/lib "$@"
}

# with_test_modules DIRECTORY COMMAND…: what PostgreSQL's Perl modules want to know; servers in build/DIRECTORY
with_test_modules() {
    local work="$SNOWFLAKE_BUILD/$1"
    shift
    stage_settings >"$work/postgresql.conf"
    as_server_user env TEMP_CONFIG="$work/postgresql.conf" PG_REGRESS="$(pgxs_test)/regress/pg_regress" \
        TESTDIR="$work" TESTDATADIR="$work/tmp_check" TESTLOGDIR="$work/tmp_check/log" PGPORT=65432 "$@"
}

# No autovacuum: its transactions are some that docs/follow.md waits for. SNOWFLAKE_DOCS names the pages, if not all.
part_docs() {
    local settings=('fsync = off' 'autovacuum = off') pages=()
    [[ ! -e "$("$PG_CONFIG" --pkglibdir)/timescaledb.so" ]] ||
        settings+=("shared_preload_libraries = 'timescaledb'" "timescaledb.telemetry_level = off")
    start_server docs "${settings[@]}"
    read -ra pages <<<"${SNOWFLAKE_DOCS:-}"
    if ((${#pages[@]} == 0)); then
        prove --verbose "$SNOWFLAKE_ROOT"/test/docs/*.pl
    else
        (cd "$SNOWFLAKE_ROOT" && prove --verbose test/docs/examples.pl :: "${pages[@]}")
    fi
}

part_clients() {
    local status=0
    start_server clients 'fsync = off' "shared_preload_libraries = 'pg_stat_statements'"
    clients_of_javascript || status=1
    clients_of_orms || status=1
    return "$status"
}

clients_of_javascript() {
    local work="$SNOWFLAKE_ROOT/build/javascript"
    install_clients javascript "$work" &&
        node --test-reporter=tap "$work/page.test.mjs" "$SNOWFLAKE_ROOT/docs/javascript.md"
}

# Debian's own Python and Ruby come first in PATH: it is they who have the packages. Quickly: two of the tools.
clients_of_orms() {
    local work="$SNOWFLAKE_ROOT/build/orms" sections=()
    [[ -z "${SNOWFLAKE_QUICK:-}" ]] || sections=(drizzle sqlalchemy)
    install_clients orms "$work" &&
        PATH="$(dirname "$(command -v node)"):/usr/bin:$PATH" \
            perl "$SNOWFLAKE_ROOT/test/clients/orms.pl" "$SNOWFLAKE_ROOT/docs/orms.md" "$work" "${sections[@]}"
}

# install_clients NAME DIRECTORY: test/clients/NAME, with the packages that it names
install_clients() {
    mkdir -p "$2"
    cp "$SNOWFLAKE_ROOT/test/clients/$1"/* "$2"
    npm install --prefix "$2" --no-package-lock --no-audit --no-fund
}

part_drill() {
    check "scripts/drill" "$SNOWFLAKE_ROOT/scripts/drill"
}

part_soak() {
    check "scripts/soak 0.02" "$SNOWFLAKE_ROOT/scripts/soak" 0.02
}

part_package() {
    "$SNOWFLAKE_ROOT/scripts/package" 13 15 17 18 19
}

part_mutants() {
    check "scripts/mutants" "$SNOWFLAKE_ROOT/scripts/mutants"
}

# --- With another PostgreSQL ---------------------------------------------------------------------------------------

part_pg13() { test_major 13; }
part_pg15() { test_major 15; }
part_pg17() { SNOWFLAKE_DOCS='docs/pg_partman.md docs/timescaledb.md docs/partitions.md' test_major 17 docs; }
part_pg18() { test_major 18; }
part_pg19() { test_major 19; }

# test_major MAJOR [PART…]: status 77 if it cannot be tested here. At each commit: crashes with a replayed clock, one
# hostile role, partitions.
test_major() {
    local major="$1" inside=(regress)
    shift
    may_have_root "$major" || return 77
    ((major == 19)) || inside+=(pgtap)
    [[ -n "${SNOWFLAKE_ALL:-}" ]] || export SNOWFLAKE_TAP='101 301 530'
    SNOWFLAKE_QUICK=1 in_root "$major" "${inside[@]}" tap "$@"
}

# Debian's newest suites cannot be installed on some days; a release waits for a better one.
may_have_root() {
    local reason
    reason="$(why_no_root "$1")"
    [[ -n "$reason" ]] || need_root "$1" || [[ -n "${SNOWFLAKE_ALL:-}" ]] ||
        reason="its Debian cannot be made today: build/log/debian-$1.log"
    [[ -z "$reason" ]] || echo "ok - PostgreSQL $1 # SKIP $reason"
    [[ -z "$reason" ]]
}

part_upgrade() {
    local major status=0
    for major in 17 18; do
        may_have_root "$major" || return 77
        in_root "$major" older || status=1
    done
    return "$status"
}

# In a root: with an older server. The extension is installed into both, as pg_upgrade looks for libraries nowhere else.
part_older() {
    local older=/usr/lib/postgresql/15
    server_directory "$SNOWFLAKE_BUILD/older"
    check "is installed" make -C "$SNOWFLAKE_ROOT" PG_CONFIG="$PG_CONFIG" install
    check "is built for the older server" install_for "$older/bin/pg_config" "$SNOWFLAKE_BUILD/older-objects"
    cd "$(readable_tree)" || return
    SNOWFLAKE_OLD="$older" prove_on_servers older 1 test/tap/590_pg_upgrade.pl
}

# install_for PG_CONFIG DIRECTORY: built in a copy, as what is built for another major lies beside the sources
install_for() {
    rm -rf "$2" && mkdir -p "$2" &&
        cp -r "$SNOWFLAKE_ROOT"/{Makefile,src,snowflake_*.control,snowflake_*--*.sql} "$2" &&
        find "$2/src" -name '*.o' -delete &&
        make -C "$2" -j "$(nproc)" PG_CONFIG="$1" install
}

part_portable() { "$SNOWFLAKE_ROOT/scripts/portable"; }

part_bench() {
    check "scripts/bench --quick" "$SNOWFLAKE_ROOT/scripts/bench" --quick
    check "scripts/stalls --quick" "$SNOWFLAKE_ROOT/scripts/stalls" --quick
}

# A part that fails or is ended in the middle may leave servers behind, among them such as a test has suspended: a test in
# Perl stops its own only if nothing catches the signal's exception.
stop_left_behind() {
    local file
    while read -r file; do
        kill -CONT "$(head -n 1 "$file")" 2>/dev/null || true
        as_server_user pg_ctl stop -s -m immediate -D "$(dirname "$file")" 2>/dev/null || true
    done < <(find "$SNOWFLAKE_BUILD"/{regress,pgtap,tap,registry,monitoring,docs,clients,soak} -name postmaster.pid 2>/dev/null)
}
