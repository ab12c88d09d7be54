// A hash of a layout, for those who look layouts up.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/layout.hpp"

namespace snowflake {

/// FNV-1a over the bytes of the layout, all of which mean something.
[[nodiscard]] inline std::uint64_t hash_of(const Layout& layout) {
  unsigned char bytes[sizeof(Layout)];
  std::memcpy(bytes, &layout, sizeof bytes);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace snowflake
