// The version of the library, which is that of the extension.
#pragma once

namespace snowflake::pg {

inline constexpr char version[] = "1.0";

}  // namespace snowflake::pg
