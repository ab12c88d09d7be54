#include "core/server.hpp"

#include "core/layout_hash.hpp"

namespace snowflake {
namespace {

static_assert(std::is_trivially_destructible_v<Server>);

template <std::size_t size>
Space space_in(Worker (&workers)[size]) {
  return {workers, size};
}

template <std::size_t size>
void reset_all(Worker (&workers)[size], Position position) {
  for (Worker& worker : workers) worker.reset(position);
}

template <std::size_t count, std::size_t size>
void reset_all(Worker (&spaces)[count][size], Position position) {
  for (auto& workers : spaces) reset_all(workers, position);
}

}  // namespace

Space Server::space_of(const Layout& layout) {
  if (layout == standard_layout) return space_in(standard_);
  const unsigned width = std::max<unsigned>(layout.sequence.width, 1);
  switch (layout.unit_ms) {
    case 10:
      return space_in(tens_[std::min(width, widths_of_10ms) - 1]);
    case 100:
      return space_in(hundreds_[std::min(width, widths_of_100ms) - 1]);
    case 1000:
      return space_in(seconds_[std::min(width, widths_of_1s) - 1]);
    default:
      return space_in(milliseconds_[hash_of(layout) % shared_spaces]);
  }
}

bool Server::reset(const Clocks& clocks) {
  return timeline.reset(clocks, [this](UnixMs begin) { reset_cursors(begin); });
}

void Server::reset_cursors(UnixMs begin) {
  const auto position = [begin](std::int32_t unit_ms) {
    return static_cast<Position>(begin / unit_ms) << fraction_bits_of(unit_ms);
  };
  reset_all(standard_, position(1));
  reset_all(milliseconds_, position(1));
  reset_all(tens_, position(10));
  reset_all(hundreds_, position(100));
  reset_all(seconds_, position(1000));
}

}  // namespace snowflake
