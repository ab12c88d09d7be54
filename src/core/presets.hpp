// The layouts that have a name. They never change: IDs in people's tables are read by them.
#pragma once

#include <span>
#include <string_view>

#include "core/layout.hpp"

namespace snowflake {

struct Preset {
  std::string_view name;
  Layout layout;
};

/// All presets, in the order in which the view snowflake_layouts shows them.
[[nodiscard]] std::span<const Preset> presets();

/// The layout of that name; nullptr if there is none.
[[nodiscard]] const Layout* find_preset(std::string_view name);

}  // namespace snowflake
