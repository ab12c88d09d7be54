// IDs as text: texts of other programs are read, ours are the same, and all else is refused.
#include "core/text.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr Id largest = (Id{1} << 63) - 1;
constexpr Encoding encodings[] = {Encoding::base32, Encoding::base36, Encoding::base58,
                                  Encoding::base62, Encoding::hex};
constexpr unsigned bases[] = {32, 36, 58, 62, 16};

std::string encoded(Encoding encoding, Id id) {
  const EncodedText text = encode_text(encoding, id);
  return {text.text, text.length};
}

TEST(Text, HasTheKnownAnswers) {
  const struct {
    Id id;
    std::string_view text[std::size(encodings)];
  } known[] = {
      {0, {"0000000000000", "0", "1", "00000000000", "0000000000000000"}},
      {175928847299117063,
       {"04W86BB0G4007", "1c49kkphnxtz", "QgmVVkniES", "0Czks0tP37X", "0271065ac1020007"}},
      {1233161576649121792,
       {"1278HXEFD9R00", "9da7anlki4n4", "3s2L6Yc3tAj", "1T5tN5g4xzk", "111d11eb9ed4e000"}},
      {largest,
       {"7ZZZZZZZZZZZZ", "1y2p0ij32e8e7", "NQm6nKp8qFC", "AzL8n0Y58m7", "7fffffffffffffff"}}};
  for (const auto& [id, text] : known)
    for (std::size_t i = 0; i < std::size(encodings); ++i) {
      EXPECT_EQ(encoded(encodings[i], id), text[i]);
      EXPECT_EQ(decode_text(encodings[i], text[i]).id, id);
    }
}

// From the tests of odan/tsid and the javadoc of f4b6a3/tsid-creator.
TEST(Text, ReadsTsids) {
  EXPECT_EQ(decode_text(Encoding::base32, "0ARYZVZXW377R").id, 388400145978465528);
  EXPECT_EQ(decode_text(Encoding::base32, "0AXS476XSZ43M").id, 0x05772439BB9F9074);
  EXPECT_EQ(decode_text(Encoding::base32, "0AXS751X00W7C").id,
            decode_text(Encoding::base62, "0T5jFDIkmmy").id);
}

std::vector<Id> some_ids(std::mt19937_64& random) {
  std::vector<Id> ids{0, largest};
  for (unsigned bit = 0; bit < 63; ++bit)
    for (Id id : {Id{1} << bit, (Id{1} << bit) - 1}) ids.push_back(id);
  for (const unsigned base : bases)
    for (Id power = 1; power <= largest / base; power *= base)
      for (Id id : {power - 1, power, power + 1}) ids.push_back(id);
  for (std::uint64_t round = scaled(100'000); round > 0; --round)
    ids.push_back(random() >> (1 + random() % 63));
  return ids;
}

TEST(Text, GoesRound) {
  std::mt19937_64 random(1);
  for (const Id id : some_ids(random))
    for (const Encoding encoding : encodings) {
      const DecodedText decoded = decode_text(encoding, encoded(encoding, id));
      ASSERT_EQ(decoded.problem, nullptr) << decoded.problem << ": " << encoded(encoding, id);
      ASSERT_EQ(decoded.id, id);
    }
}

TEST(Text, OfFixedLengthSortsLikeTheId) {
  std::mt19937_64 random(2);
  const std::vector<Id> ids = some_ids(random);
  for (std::size_t i = 1; i < ids.size(); ++i)
    for (const Encoding encoding : {Encoding::base32, Encoding::base62, Encoding::hex})
      ASSERT_EQ(encoded(encoding, ids[i - 1]) < encoded(encoding, ids[i]), ids[i - 1] < ids[i]);
}

// What is read is written as the same text, but for case and letters that look like digits.
TEST(Text, ReadsNothingTwice) {
  std::mt19937_64 random(3);
  std::uint64_t read = 0;
  for (std::uint64_t round = scaled(300'000); round > 0; --round) {
    const std::size_t which = random() % std::size(encodings);
    std::string text = encoded(encodings[which], random() >> (1 + random() % 63));
    text[random() % text.size()] = static_cast<char>(random());
    if (random() % 8 == 0) text.insert(random() % text.size(), 1, '0');
    if (random() % 8 == 0) text.pop_back();
    const DecodedText decoded = decode_text(encodings[which], text);
    if (decoded.problem != nullptr) continue;
    ++read;
    std::string again = encoded(encodings[which], decoded.id);
    ASSERT_EQ(again.size(), text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      const bool look_alike =
          which == 0 &&
          ((again[i] == '1' && std::string_view("IiLl").find(c) != std::string_view::npos) ||
           (again[i] == '0' && (c == 'O' || c == 'o')));
      const bool case_blind =
          encodings[which] != Encoding::base58 && encodings[which] != Encoding::base62;
      ASSERT_TRUE(again[i] == c || look_alike ||
                  (case_blind && std::tolower(again[i]) == std::tolower(c)))
          << text << " was read as " << again;
    }
  }
  EXPECT_GT(read, 0U);
}

TEST(Text, RefusesWhatIsTooLarge) {
  const std::string_view too_large[] = {"8000000000000", "1y2p0ij32e8e8", "NQm6nKp8qFD",
                                        "AzL8n0Y58m8", "8000000000000000"};
  for (std::size_t i = 0; i < std::size(encodings); ++i)
    EXPECT_NE(decode_text(encodings[i], too_large[i]).problem, nullptr) << too_large[i];
}

TEST(Text, EncodingsAreFoundByName) {
  for (const Encoding encoding : encodings) EXPECT_EQ(find_encoding(name_of(encoding)), encoding);
  for (const std::string_view name : {"", "base64", "HEX", "base3", "base322"})
    EXPECT_EQ(find_encoding(name), Encoding::none) << name;
}

TEST(Ulid, GoesRound) {
  std::mt19937_64 random(4);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const Bits128 bits{random() >> random() % 64, random() >> random() % 64};
    char text[ulid_length];
    encode_ulid(bits, text);
    const DecodedUlid decoded = decode_ulid({text, ulid_length});
    ASSERT_EQ(decoded.problem, nullptr);
    ASSERT_EQ(decoded.bits, bits);
  }
}

// github.com/ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV is of 1469922850259 ms; the largest is 7ZZ….
TEST(Ulid, IsAsItsSpecificationSays) {
  const DecodedUlid decoded = decode_ulid("01ARZ3NDEKTSV4RRFFQ69G5FAV");
  EXPECT_EQ(decoded.bits.high >> 16, 1469922850259U);
  EXPECT_EQ(decode_ulid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").bits, (Bits128{~0ULL, ~0ULL}));
  EXPECT_NE(decode_ulid("80000000000000000000000000").problem, nullptr);
}

}  // namespace
}  // namespace snowflake::test
