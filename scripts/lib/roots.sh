# A small Debian for each major version of PostgreSQL, in which parts of scripts/test run as they do outside. To be
# sourced after parts.sh.
#
#     why_no_root 13              # says what stands against it, or nothing
#     in_root 13 regress tap      # makes it if it is not there; what the tests say is on stdout
#     aside_in_root 13 DIRECTORY COMMAND…    # changes nothing but DIRECTORY
#
# A root is made by mmdebstrap, in a minute or so, 0.9 GB, and kept in build/majors: SNOWFLAKE_DEBIANS is another place for
# them. Packages come from where this machine's apt has them; SNOWFLAKE_MIRROR is another place. All that is mounted or
# runs lies in namespaces that end with the process that runs the tests, however it ends.
# shellcheck shell=bash

export SNOWFLAKE_DEBIANS="${SNOWFLAKE_DEBIANS:-$SNOWFLAKE_BUILD/majors}"

# The Debian that has it.
suite_of() {
    case "$1" in
        13) echo bullseye ;;
        15) echo bookworm ;;
        17) echo trixie ;;
        18) echo forky ;;
        19) echo sid ;; # and experimental
        *) return 1 ;;
    esac
}

# --- Where Debian is -------------------------------------------------------------------------------------------------

# The archive in this machine's apt sources, of either format, without security updates. apt knows what it is only
# after an update.
need_mirror() {
    [[ -n "${SNOWFLAKE_MIRROR:-}" ]] || SNOWFLAKE_MIRROR="$(mirror_of_machine)"
    [[ -n "$SNOWFLAKE_MIRROR" ]] || logged packages apt-get update -q || true
    [[ -n "$SNOWFLAKE_MIRROR" ]] || SNOWFLAKE_MIRROR="$(mirror_of_machine)"
    export SNOWFLAKE_MIRROR
    [[ -n "$SNOWFLAKE_MIRROR" ]]
}

mirror_of_machine() {
    # shellcheck disable=SC2016 # for apt
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' |
        sed -n '1s|/*$||p'
}

has_suite() {
    local file status=0
    file="$(mktemp)"
    /usr/lib/apt/apt-helper download-file "$SNOWFLAKE_MIRROR/dists/$1/InRelease" "$file" &>/dev/null || status=1
    rm -f "$file"
    return "$status"
}

why_no_root() {
    local suite
    suite="$(suite_of "$1")"
    if ((EUID != 0)); then
        echo "needs root, for chroot"
    elif ! unshare --mount --pid --fork true 2>/dev/null; then
        echo "needs namespaces of its own, which this machine does not give"
    elif ! command -v mmdebstrap >/dev/null; then
        echo "needs mmdebstrap"
    elif is_made "$1"; then
        return
    elif ! need_mirror; then
        echo "no Debian in the apt sources of this machine: name one with SNOWFLAKE_MIRROR"
    elif ! has_suite "$suite"; then
        echo "no $suite where this machine has its packages from"
    fi
}

# --- Making one ------------------------------------------------------------------------------------------------------

# What the parts need that run in it. Not everything is packaged for 19; what only 17 has is for pages about it.
packages_of_root() {
    # shellcheck disable=SC2034 # packages_of reads it
    local SNOWFLAKE_MAJOR="$1" wanted=("postgresql-$1" g++ make libcurl4-openssl-dev) part
    for part in pgtap tap; do
        mapfile -t -O "${#wanted[@]}" wanted < <(packages_of "$part" | tr ' ' '\n')
    done
    case "$1" in
        17) wanted+=(postgresql-17-partman postgresql-17-timescaledb) ;;
        19) mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | grep -vE '^postgresql-19-') ;;
    esac
    printf '%s\n' "${wanted[@]}" | sort -u
}

# pg_upgrade wants the older server beside the newer one: that of bookworm, with what it needs of bookworm's libraries.
packages_of_older() {
    [[ "$1" != 17 && "$1" != 18 ]] ||
        printf '%s/bookworm\n' postgresql-15 postgresql-client-15 postgresql-server-dev-15 libicu72 libldap-2.5-0 libxml2
}

made_of() { packages_of_root "$1" && packages_of_older "$1"; }

is_made() { [[ "$(cat "$SNOWFLAKE_DEBIANS/$1/packages" 2>/dev/null)" == "$(made_of "$1")" ]]; }

# One that was made for other packages is made anew. Whoever comes second waits for the first.
need_root() (
    local root="$SNOWFLAKE_DEBIANS/$1"
    mkdir -p "$SNOWFLAKE_DEBIANS"
    exec {lock}>"$root.lock"
    flock "$lock"
    if is_made "$1"; then exit; fi
    say "making a Debian with PostgreSQL $1"
    rm -rf "$root" "$root.new"
    need_mirror && logged "debian-$1" make_root "$1" "$root.new" && made_of "$1" >"$root.new/packages" &&
        mv "$root.new" "$root"
)

# The headers' package wants whole compilers that nobody needs here, so it is unpacked rather than installed; so is the
# older server, without its compiler of queries.
make_root() {
    local major="$1" root="$2" suite options=() packages unpacked
    unpacked="postgresql-server-dev-$major libpq-dev $(packages_of_older "$major" | paste -s -d ' ')"
    suite="$(suite_of "$major")"
    packages="$(packages_of_root "$major" | paste -s -d ,)"
    [[ "$SNOWFLAKE_MIRROR" != https:* ]] || packages+=,ca-certificates
    local sources=("deb $SNOWFLAKE_MIRROR $suite main")
    [[ -z "$(packages_of_older "$major")" ]] || sources+=("deb $SNOWFLAKE_MIRROR bookworm main")
    if ((major == 19)); then
        sources+=("deb $SNOWFLAKE_MIRROR experimental main")
        options+=(--setup-hook="$(prefer_experimental)")
    fi
    # shellcheck disable=SC2016 # $1 is the root, which mmdebstrap gives to the hook
    in_namespaces mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' "${options[@]}" \
        --include="$packages" \
        --customize-hook='chroot "$1" sh -ec "cd /tmp && apt-get download '"$unpacked"'"' \
        --customize-hook='chroot "$1" sh -ec "for package in /tmp/*.deb; do dpkg -x \$package /; done; rm -f /tmp/*.deb"' \
        --customize-hook='[ '"$major"' = 15 ] || rm -f "$1/usr/lib/postgresql/15/lib/llvmjit.so"' \
        "$suite" "$root" "${sources[@]}"
}

prefer_experimental() {
    cat <<'END'
mkdir -p "$1/etc/apt/preferences.d"
cat >"$1/etc/apt/preferences.d/postgresql" <<'PIN'
Package: src:postgresql-19
Pin: release a=experimental
Pin-Priority: 990
PIN
END
}

# Downloads take long, so those that can be are made while something else runs.
make_roots() {
    local major
    for major in "$@"; do [[ -n "$(why_no_root "$major")" ]] || need_root "$major" || true; done
}

# --- Running in it ---------------------------------------------------------------------------------------------------

# in_root MAJOR PART…, with the parts' settings: SNOWFLAKE_QUICK, SNOWFLAKE_TAP, SNOWFLAKE_DOCS
in_root() {
    local major="$1" root
    need_root "$major" || return
    root="$(realpath "$SNOWFLAKE_DEBIANS/$major")"
    shift
    copy_tree "$root/snowflake_id" || return
    in_namespaces bash -c "$(declare -f enter)"'; enter "$@"' _ "$root" \
        SNOWFLAKE_QUICK="${SNOWFLAKE_QUICK:-}" SNOWFLAKE_TAP="${SNOWFLAKE_TAP:-}" SNOWFLAKE_DOCS="${SNOWFLAKE_DOCS:-}" \
        PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" /snowflake_id/scripts/lib/inside.sh "$@"
}

# aside_in_root MAJOR DIRECTORY COMMAND…: the command may install what it likes, for all that it changes is lost, but for
# what lies in DIRECTORY, which is /aside there. It finds packages where the root's are from.
aside_in_root() {
    local major="$1" root
    need_root "$major" || return
    root="$(realpath "$SNOWFLAKE_DEBIANS/$major")"
    mkdir -p "$root.aside"
    in_namespaces bash -c "$(declare -f enter enter_aside)"'; enter_aside "$@"' _ "$root" "${@:2}"
}

enter_aside() {
    local root="$1" aside="$1.aside" kept="$2"
    shift 2
    mount -t tmpfs tmpfs "$aside" && mkdir "$aside"/{root,changes,work} &&
        mount -t overlay -o "lowerdir=$root,upperdir=$aside/changes,workdir=$aside/work" overlay "$aside/root" &&
        cp /etc/resolv.conf "$aside/root/etc/" && mkdir "$aside/root/aside" &&
        mount --bind "$kept" "$aside/root/aside" && enter "$aside/root" "$@"
}

enter() {
    local root="$1"
    shift
    mkdir -p "$root/dev/shm" && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/dev/shm" &&
        exec chroot "$root" env -i PATH="$PATH" HOME=/root "$@"
}

# They end when this process does, and with them mounts and servers.
in_namespaces() (
    unshare --mount --pid --fork --kill-child --mount-proc "$@" &
    process=$!
    trap 'kill -KILL "$process" 2>/dev/null || true' EXIT
    trap 'exit 143' INT TERM HUP
    wait "$process"
)

# With what was built in it before, so that only what has changed is compiled.
copy_tree() {
    local tree="$1"
    rm -rf "$tree.new" && mkdir -p "$tree.new/build" &&
        tar -C "$SNOWFLAKE_ROOT" --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' -c . |
        tar -C "$tree.new" -x || return
    if [[ -d "$tree" ]]; then
        (cd "$tree" && find src build/made-for \( -name '*.o' -o -name made-for \) -exec cp -a --parents {} "$tree.new" \;)
    fi
    rm -rf "$tree" && mv "$tree.new" "$tree"
}
