#include "core/spec.hpp"

#include <limits>

#include "core/layout_text.hpp"
#include "core/space.hpp"

namespace snowflake {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

// Stored: never change.
constexpr std::uint64_t version = 1;
constexpr unsigned version_bits = 4;
constexpr unsigned rate_bits = 32;  // IDs a second; 0: no limit
constexpr unsigned unit_bits = 16;
constexpr unsigned width_bits = 6;
constexpr unsigned epoch_bits = 42;  // milliseconds, until 2109
constexpr unsigned order_bits = 2;
constexpr unsigned encoding_bits = 3;
constexpr unsigned character_bits = 6;

// Stored, as place in this text plus 1; 0 stands for "no more".
constexpr std::string_view characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/// Puts small numbers into a word, one after the other.
class BitWriter {
 public:
  void put(std::uint64_t value, unsigned bits) { word_ = word_ << bits | value; }
  [[nodiscard]] std::int64_t word() const { return static_cast<std::int64_t>(word_); }

 private:
  std::uint64_t word_ = 0;
};

/// Takes them out again, in reverse order.
class BitReader {
 public:
  explicit BitReader(std::int64_t word) : word_(static_cast<std::uint64_t>(word)) {}
  std::uint64_t take(unsigned bits) {
    const std::uint64_t value = word_ & ((std::uint64_t{1} << bits) - 1);
    word_ >>= bits;
    return value;
  }

 private:
  std::uint64_t word_;
};

// The fields below the timestamp. Stored, as place in this list.
constexpr Field Layout::*lower_fields[] = {&Layout::node, &Layout::worker, &Layout::shard,
                                           &Layout::sequence};
constexpr std::size_t lower_count = std::size(lower_fields);

struct Order {
  std::size_t fields[lower_count];  // numbers of lower_fields, from the highest bits to the lowest
};

// Absent fields, whose place means nothing, come after those that stand higher than bit 0.
Order order_of(const Layout& layout) {
  Order order{};
  for (std::size_t i = 0; i < lower_count; ++i) {
    std::size_t place = i;
    const Field field = layout.*lower_fields[i];
    for (; place > 0 && (layout.*lower_fields[order.fields[place - 1]]).shift < field.shift;
         --place)
      order.fields[place] = order.fields[place - 1];
    order.fields[place] = i;
  }
  return order;
}

/// Gives each field its place: from the lowest up.
void place_fields(Layout& layout, const Order& order) {
  unsigned bits = 0;
  for (std::size_t i = lower_count; i-- > 0;) {
    Field& field = layout.*lower_fields[order.fields[i]];
    if (!field.present()) continue;
    field.shift = static_cast<std::uint8_t>(bits);
    bits += field.width;
  }
  layout.timestamp.shift = static_cast<std::uint8_t>(bits);
}

std::uint8_t take_width(BitReader& bits) {
  return static_cast<std::uint8_t>(bits.take(width_bits));
}

constexpr SequenceParameters frame{
    .start = 1, .increment = largest, .min = 0, .max = 0, .cache = 0, .cycle = false};

}  // namespace

/// The characters of a prefix as numbers below 64.
struct PrefixBits {
  static void put(BitWriter& bits, const Prefix& prefix) {
    for (std::size_t i = 0; i < Prefix::max_length; ++i)
      bits.put(i < prefix.length_ ? characters.find(prefix.text_[i]) + 1 : 0, character_bits);
  }

  /// Nothing if there are characters after the end.
  static std::optional<Prefix> take(BitReader& bits) {
    Prefix prefix;
    for (std::size_t i = Prefix::max_length; i-- > 0;) {
      const std::uint64_t number = bits.take(character_bits);
      if (number == 0 && prefix.length_ > 0) return std::nullopt;
      if (number == 0) continue;
      prefix.text_[i] = characters.data()[number - 1];
      if (prefix.length_ == 0) prefix.length_ = static_cast<std::uint8_t>(i + 1);
    }
    return prefix;
  }
};

std::optional<Prefix> Prefix::of(std::string_view text) {
  Prefix prefix;
  if (text.size() > max_length) return std::nullopt;
  for (const char c : text) {
    if (characters.find(c) == std::string_view::npos) return std::nullopt;
    prefix.text_[prefix.length_++] = c;
  }
  return prefix;
}

SequenceParameters pack(const GeneratorSpec& spec) {
  const Layout& layout = spec.layout;
  BitWriter min;
  min.put(static_cast<std::uint64_t>(layout.epoch_ms), epoch_bits);
  for (const std::size_t field : order_of(layout).fields) min.put(field, order_bits);
  min.put(layout.timestamp.width, width_bits);
  min.put(layout.node.width, width_bits);
  min.put(spec.ordered, 1);

  BitWriter cache;
  PrefixBits::put(cache, spec.prefix);
  cache.put(static_cast<std::uint64_t>(spec.encoding), encoding_bits);
  cache.put(layout.worker.width, width_bits);
  cache.put(layout.shard.width, width_bits);
  cache.put(layout.sequence.width, width_bits);

  BitWriter max;
  max.put(version, version_bits);
  max.put(spec.rate_limit, rate_bits);
  max.put(static_cast<std::uint64_t>(layout.unit_ms), unit_bits);

  SequenceParameters parameters = frame;
  parameters.min = -min.word();
  parameters.max = largest - max.word();
  parameters.cache = cache.word();
  return parameters;
}

std::optional<GeneratorSpec> unpack(const SequenceParameters& parameters) {
  if (parameters.start != frame.start || parameters.increment != frame.increment)
    return std::nullopt;
  if (parameters.min > 0 || parameters.min < -largest || parameters.max < 0) return std::nullopt;
  GeneratorSpec spec;
  Layout& layout = spec.layout;

  BitReader cache(parameters.cache);
  layout.sequence = {.shift = 0, .width = take_width(cache)};
  layout.shard = {.shift = 0, .width = take_width(cache)};
  layout.worker = {.shift = 0, .width = take_width(cache)};
  const std::uint64_t encoding = cache.take(encoding_bits);
  const std::optional<Prefix> prefix = PrefixBits::take(cache);

  BitReader min(-parameters.min);
  spec.ordered = min.take(1) != 0;
  layout.node = {.shift = 0, .width = take_width(min)};
  layout.timestamp = {.shift = 0, .width = take_width(min)};
  Order order{};
  for (std::size_t i = lower_count; i-- > 0;) order.fields[i] = min.take(order_bits);
  layout.epoch_ms = static_cast<UnixMs>(min.take(epoch_bits));
  place_fields(layout, order);

  BitReader max(largest - parameters.max);
  layout.unit_ms = static_cast<std::int32_t>(max.take(unit_bits));
  spec.rate_limit = static_cast<std::uint32_t>(max.take(rate_bits));

  if (!prefix || encoding == 0 || encoding > static_cast<std::uint64_t>(Encoding::hex) ||
      spec.rate_limit > most_ids_per_second)
    return std::nullopt;
  spec.prefix = *prefix;
  spec.encoding = static_cast<Encoding>(encoding);
  // Of a layout of which no IDs can be made, of another version, with bits that mean nothing: packed, it is not the same.
  if (problem_of(layout, layout.epoch_ms) != nullptr || !can_make(layout) ||
      pack(spec) != parameters)
    return std::nullopt;
  return spec;
}

}  // namespace snowflake
