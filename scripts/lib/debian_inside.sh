#!/usr/bin/env bash
# What scripts/package runs in a root of lib/roots.sh, aside: builds Debian's package of one major version of PostgreSQL
# from the source in /aside/source, then installs it and runs the test of debian/tests as Debian's own machines do.
#
#     debian_inside.sh MAJOR
#
# The packages that build extensions are unpacked only, as the headers are: they want the whole of Debian's own major,
# and compilers that nobody needs here. So what is to be installed for a build is not checked.
set -euo pipefail

export PG_SUPPORTED_VERSIONS="${1:?MAJOR}" DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cd /aside/source

apt-get update -q
apt-get install -q -y --no-install-recommends debhelper autopkgtest
mapfile -t tools < <(apt-cache search --names-only '^postgresql-(common-dev|server-dev-all)$' | awk '{ print $1 }')
(cd /tmp && apt-get download -q "${tools[@]}" && for package in *.deb; do dpkg -x "$package" /; done)

pg_buildext updatecontrol
MAKEFLAGS="-j$(nproc)" dpkg-buildpackage -b -d -us -uc
autopkgtest --no-built-binaries "/aside/postgresql-$1-snowflake-id"_*.deb ./ -- null
