#!/usr/bin/env bash
# What lib/roots.sh runs in a root: builds the extension with warnings as errors, then runs parts of scripts/test, and
# writes what they say.
#
#     PG_CONFIG=… inside.sh PART…
set -euo pipefail

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lib/parts.sh
source "$SNOWFLAKE_ROOT/scripts/lib/parts.sh"

status=0
COPT="$(strict_options)" stage_extension
check "builds without a warning" test -e "$SNOWFLAKE_LIBRARY"
for part in "$@"; do "$SNOWFLAKE_ROOT/scripts/test" --run "$part" || status=1; done
exit "$status"
