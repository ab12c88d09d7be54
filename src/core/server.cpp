#include "core/server.hpp"

#include <cstring>
#include <iterator>

namespace snowflake {
namespace {

constexpr std::size_t unit_count = std::size(making_units);

/// FNV-1a over the bytes of the layout, all of which mean something.
std::uint64_t hash_of(const Layout& layout) {
  unsigned char bytes[sizeof(Layout)];
  std::memcpy(bytes, &layout, sizeof bytes);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace

unsigned Server::number_of(const Layout& layout) {
  if (layout == standard_layout) return 0;
  unsigned first = 1;
  for (std::size_t unit = 0; unit < unit_count; ++unit) {
    const unsigned count = spaces_of_unit[unit];
    if (making_units[unit] == layout.unit_ms)
      return first + static_cast<unsigned>(hash_of(layout) % count);
    first += count;
  }
  return 0;  // not of a layout that can_make()
}

bool Server::reset(const Clocks& clocks) {
  return timeline.reset(clocks, [this](UnixMs begin) { reset_cursors(begin); });
}

void Server::reset_cursors(UnixMs begin) {
  const auto reset = [begin](Space& space, std::int32_t unit_ms) {
    space.reset(static_cast<Position>(begin / unit_ms) << fraction_bits_of(unit_ms));
  };
  reset(spaces[0], standard_layout.unit_ms);
  unsigned number = 1;
  for (std::size_t unit = 0; unit < unit_count; ++unit)
    for (unsigned i = 0; i < spaces_of_unit[unit]; ++i) reset(spaces[number++], making_units[unit]);
}

}  // namespace snowflake
