// The SQL type snowflake_layout: 24 bytes, passed by reference, the core's Layout as it is in
// memory.
#pragma once

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// The layout that was passed as that argument; the standard layout if the function was called
/// without one.
inline const Layout& layout_argument(FunctionCallInfo fcinfo, int argument) {
  if (PG_NARGS() <= argument) return standard_layout;
  return *reinterpret_cast<const Layout*>(PG_GETARG_POINTER(argument));
}

/// A copy of the layout, as a Datum.
[[nodiscard]] Datum layout_datum(const Layout& layout);

}  // namespace snowflake::pg
