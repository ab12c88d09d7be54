# The variants of scripts/portable, one function each: they write what their tests say. To be sourced after parts.sh and
# roots.sh.
# shellcheck shell=bash

# --- The core ---------------------------------------------------------------------------------------------------------

variant_core-arm64() { test_core aarch64; }
variant_core-s390x() { test_core s390x; }

# Few rounds, little optimization: it is the processor that is tested.
test_core() {
    local processor="$1" directory="$SNOWFLAKE_BUILD/portable/core-$1"
    local cross=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor"
        -DCMAKE_CXX_COMPILER="$processor-linux-gnu-g++" -DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1
        -DCMAKE_CROSSCOMPILING_EMULATOR="qemu-$processor-static;-L;/usr/$processor-linux-gnu")
    cmake -S /usr/src/googletest -B "$directory/googletest" "${cross[@]}" -DBUILD_GMOCK=OFF \
        -DCMAKE_INSTALL_PREFIX="$directory/installed" -DCMAKE_INSTALL_LIBDIR=lib
    cmake --build "$directory/googletest" --parallel "$(nproc)" --target install
    cd "$SNOWFLAKE_ROOT" || return
    SNOWFLAKE_TEST_ROUNDS=100 unit_tests "$directory/tests" none "${cross[@]}" \
        -DGTest_DIR="$directory/installed/lib/cmake/GTest"
}

# --- Servers ----------------------------------------------------------------------------------------------------------

variant_arm64() {
    local debian="$SNOWFLAKE_DEBIANS/$SNOWFLAKE_MAJOR-arm64" copy
    [[ -d "$debian" ]] || unpack_debian arm64 "$debian"
    copy="$(copy_for arm64)"
    emulate aarch64 "$debian" "$copy/bin"
    export PG_CONFIG="$copy/bin/pg_config"
    export MAKEFLAGS="-- CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ LDFLAGS=--sysroot=$debian WITH_ETCD=no"
    test_parts "$copy" regress
    test_crash "$copy"
}

# Signed overflow is defined by the flags that PostgreSQL was built with; the unit tests look for it.
variant_undefined() {
    local copy
    copy="$(copy_for undefined)"
    export MAKEFLAGS='-- CXX=clang++\ -fsanitize=undefined\ -fsanitize-trap=undefined'
    test_parts "$copy" regress pgtap
    test_crash "$copy"
}

# The build is the usual one.
variant_valgrind() {
    local work="$SNOWFLAKE_BUILD/portable/valgrind"
    local logs="$work/logs"
    server_directory "$logs"
    printf '%s\n' '{' 'WAL, which has padding' Memcheck:Param 'pwrite64(buf)' 'fun:pwrite*' '}' >"$work/suppressions"
    wrap_server "$work/bin" "valgrind --quiet --num-callers=30 --log-file=$logs/%p.log \
        --suppressions=$work/suppressions $(command -v postgres)" "$PG_CONFIG"
    export PG_CONFIG="$work/bin/pg_config" PGCTLTIMEOUT=600
    variant_crash
    check "Valgrind has watched servers" has_files "$logs"
    check "no error names a function of ours" no_line -rhE 'snowflake(::|_)' "$logs"
}

has_files() { [[ -n "$(ls "$1")" ]]; }

# copy_for VARIANT: a copy of the tree, in which nothing is built yet
copy_for() {
    local copy="$SNOWFLAKE_BUILD/portable/$1"
    rm -rf "$copy"
    mkdir -p "$copy"
    cp -r "$SNOWFLAKE_ROOT"/{Makefile,META.json,scripts,src,sql,expected,test,snowflake_*.control,snowflake_*--*.sql} "$copy"
    find "$copy/src" -name '*.o' -delete
    echo "$copy"
}

# An emulated server takes long to start.
in_copy() { env -u SNOWFLAKE_BUILD PGCTLTIMEOUT=600 "$@"; }

# test_parts COPY PART…
test_parts() {
    local copy="$1"
    shift
    check "scripts/test $*" in_copy "$copy/scripts/test" --quick "$@"
    cat "$copy"/build/log/test-*.log
}

test_crash() { in_copy "$1/scripts/portable" --run crash; }

# --- Another server behind the same names -----------------------------------------------------------------------------

# wrap_server DIRECTORY SERVER PG_CONFIG: a directory for PATH, with the programs of this machine, in which the server and
# pg_config are these commands.
wrap_server() {
    local directory="$1" bin
    bin="$("$PG_CONFIG" --bindir)"
    rm -rf "$directory"
    mkdir "$directory"
    find "$bin" -mindepth 1 ! -name pg_ctl ! -name pg_config -exec ln -s -t "$directory" {} +
    executable "$directory/server" "exec $2 \"\$@\""
    executable "$directory/pg_ctl" "exec $bin/pg_ctl \"\$@\" -p $directory/server"
    executable "$directory/pg_config" "[ \"\$*\" != --bindir ] || exec echo $directory" "exec $3 \"\$@\""
}

# executable FILE LINE…: a shell script, which must be new: nothing is written through a link
executable() {
    local file="$1"
    shift
    (set -o noclobber && printf '%s\n' '#!/bin/sh' "$@" >"$file")
    chmod +x "$file"
}

# emulate PROCESSOR DEBIAN DIRECTORY: clients are not emulated, for one that is cannot start another.
emulate() {
    local bin="$2/usr/lib/postgresql/$SNOWFLAKE_MAJOR/bin" qemu="qemu-$1-static -L $2"
    wrap_server "$3" "$qemu $bin/postgres" "$qemu $bin/pg_config"
}

# unpack_debian ARCHITECTURE DIRECTORY, with this machine's pg_regress
unpack_debian() {
    local suite
    suite="$(suite_of "$SNOWFLAKE_MAJOR")"
    rm -rf "$2.new"
    need_mirror || die "no Debian in the apt sources of this machine: name one with SNOWFLAKE_MIRROR"
    mmdebstrap --architectures="$1" --variant=extract --skip=check/qemu --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="postgresql-$SNOWFLAKE_MAJOR,postgresql-server-dev-$SNOWFLAKE_MAJOR" \
        "$suite" "$2.new" "deb $SNOWFLAKE_MIRROR $suite main"
    ln -sf "$(realpath "$(pgxs_test)")/regress/pg_regress" \
        "$2.new/usr/lib/postgresql/$SNOWFLAKE_MAJOR/lib/pgxs/src/test/regress/pg_regress"
    mv "$2.new" "$2"
}

# --- A load, a crash, a load -----------------------------------------------------------------------------

variant_crash() {
    stage_extension
    start_server crash "shared_preload_libraries = '$SNOWFLAKE_LIBRARY'"
    run_sql 'CREATE EXTENSION snowflake_id; CREATE TABLE made (id bigint DEFAULT snowflake_next(), life int)'
    check "a load" load 1 --transactions=500
    check "many IDs in one call" run_sql 'INSERT INTO made SELECT id, 1 FROM snowflake_next_set(100000) AS id'
    load 1 --time=600 &>/dev/null &
    check "a load before a crash" wait_for is_true 'SELECT count(*) > 105000 FROM made'
    check "a server that is killed under load starts again" crash
    wait "$!" || true
    check "a load after the crash" load 2 --transactions=500
    check "no ID is there twice" is_true 'SELECT count(*) = count(DISTINCT id) AND count(*) > 109000 FROM made'
    check "IDs after the crash are larger" \
        is_true 'SELECT max(id) FILTER (WHERE life = 1) < min(id) FILTER (WHERE life = 2) FROM made'
}

run_sql() { psql -XqAt --set=ON_ERROR_STOP=1 -c "$1"; }
is_true() { [[ "$(run_sql "$1")" == t ]]; }

# load LIFE HOW-LONG, by 8 sessions
load() {
    pgbench --no-vacuum --client=8 --jobs=2 "$2" --file=<(echo "INSERT INTO made (life) VALUES ($1)")
}

# Its processes end a little later than it does; before, none starts.
crash() {
    local directory="$SNOWFLAKE_BUILD/crash"
    kill -KILL "$(head -n 1 "$directory/data/postmaster.pid")"
    wait_for as_server_user pg_ctl start -w -s -D "$directory/data" -l "$directory/log"
}

wait_for() {
    local attempts=120
    until "$@"; do
        ((attempts-- > 0)) || return 1
        sleep 1
    done
}
