// The SQL type snowflake_layout: the core's Layout as it is in memory, 24 bytes by reference.
#pragma once

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// The layout passed as that argument, or the standard layout if there is no such argument.
inline const Layout& layout_argument(FunctionCallInfo fcinfo, int argument) {
  if (PG_NARGS() <= argument) return standard_layout;
  return *reinterpret_cast<const Layout*>(PG_GETARG_POINTER(argument));
}

/// The layout that is written so. 22P02 if it is malformed.
[[nodiscard]] Layout layout_from(const char* text);

/// 22023 unless the layout has a node.
void check_has_node(const Layout& layout);

/// Its text form.
[[nodiscard]] char* layout_text(const Layout& layout);

/// The name of a layout that has one, else its text form: snowflake_layout reads either.
[[nodiscard]] const char* label_of(const Layout& layout);

/// A copy of the layout, as a Datum.
[[nodiscard]] Datum layout_datum(const Layout& layout);
inline NullableDatum layout_column(const Layout& layout) {
  return {.value = layout_datum(layout), .isnull = false};
}

}  // namespace snowflake::pg
