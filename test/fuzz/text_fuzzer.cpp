// Any bytes as an ID in each encoding, as ULID, UUID, or a generator's parameters: either a value,
// which is written and read as the same value again, or refused.
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/carrier.hpp"
#include "core/presets.hpp"
#include "core/space.hpp"
#include "core/spec.hpp"
#include "core/text.hpp"

namespace snowflake {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

template <typename Value>
bool take(const std::uint8_t*& data, std::size_t& size, Value& value) {
  if (size < sizeof value) return false;
  std::memcpy(&value, data, sizeof value);
  data += sizeof value;
  size -= sizeof value;
  return true;
}

void text_is_an_id_or_refused(std::string_view text) {
  for (const Encoding encoding :
       {Encoding::base32, Encoding::base36, Encoding::base58, Encoding::base62, Encoding::hex}) {
    const DecodedText decoded = decode_text(encoding, text);
    if (decoded.problem != nullptr) continue;
    check(decoded.id >> 63 == 0);
    const EncodedText encoded = encode_text(encoding, decoded.id);
    check(encoded.length == text.size());
    const DecodedText again = decode_text(encoding, {encoded.text, encoded.length});
    check(again.problem == nullptr && again.id == decoded.id);
  }
}

void text_is_a_ulid_or_refused(std::string_view text) {
  const DecodedUlid decoded = decode_ulid(text);
  if (decoded.problem != nullptr) return;
  char again[ulid_length];
  encode_ulid(decoded.bits, again);
  check(decode_ulid({again, ulid_length}).bits == decoded.bits);
}

void key_carries_an_id_or_is_refused(Bits128 key) {
  for (const Preset& preset : presets()) {
    if (const auto id = from_uuid(key, preset.layout)) check(to_uuid(*id, preset.layout) == key);
    if (const auto id = from_ulid(key, preset.layout)) check(to_ulid(*id, preset.layout) == key);
    const Id id = key.low >> (64 - preset.layout.bits());
    check(from_uuid(to_uuid(id, preset.layout), preset.layout) == id);
    check(from_ulid(to_ulid(id, preset.layout), preset.layout) == id);
  }
}

void parameters_are_a_generator_or_none(SequenceParameters parameters) {
  if (const auto spec = unpack(parameters)) check(pack(*spec) == parameters);
  // A frame that fits leaves the bits of the rest to chance.
  const SequenceParameters frame = pack({});
  parameters.start = frame.start;
  parameters.increment = frame.increment;
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  parameters.max = frame.max + 1 - making_units[parameters.max & 3];  // of a usable unit
  parameters.min &= largest;
  parameters.min = -parameters.min;
  if (const auto spec = unpack(parameters)) check(pack(*spec) == parameters);
}

}  // namespace
}  // namespace snowflake

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  snowflake::text_is_an_id_or_refused(text);
  snowflake::text_is_a_ulid_or_refused(text);
  snowflake::Bits128 key;
  std::int64_t numbers[6];
  if (snowflake::take(data, size, key)) snowflake::key_carries_an_id_or_is_refused(key);
  if (snowflake::take(data, size, numbers))
    snowflake::parameters_are_a_generator_or_none({.start = numbers[0],
                                                   .increment = numbers[1],
                                                   .min = numbers[2],
                                                   .max = numbers[3],
                                                   .cache = numbers[4],
                                                   .cycle = numbers[5] % 2 != 0});
  return 0;
}
