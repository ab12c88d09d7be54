// The backend's session: the rest of the rim asks nothing else of it.
#pragma once

namespace snowflake::pg {

/// The settings have changed: the next ID is made under the new ones.
void forget_reservation();

}  // namespace snowflake::pg
