// Reads JSON (RFC 8259), as far as a registry needs it, and writes strings of it.
//
//     if (const auto json = Json::parse(text)) ... (*json)["header"]["revision"].integer()
//
// Guarantees: any bytes are either JSON or refused; what is not there is null, which has no members and is no number.
// Integers may stand in quotes, as etcd writes those of 64 bits.
//
// Limits: 32 levels deep. Numbers are kept as they are written. Of two members with one name, the first counts. Bytes
// beyond ASCII are taken as they come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snowflake::registry {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  [[nodiscard]] static std::optional<Json> parse(std::string_view text);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_true() const { return kind_ == Kind::boolean && text_ == "true"; }
  [[nodiscard]] const std::string& text() const { return text_; }  ///< of a string or number
  [[nodiscard]] std::optional<std::int64_t> integer() const;

  using Members = std::vector<std::pair<std::string, Json>>;
  [[nodiscard]] const Members& members() const { return members_; }  ///< of an array: without names
  [[nodiscard]] const Json& operator[](std::string_view name) const;
  [[nodiscard]] const Json& operator[](std::size_t index) const;

 private:
  friend class JsonReader;
  Kind kind_ = Kind::null;
  std::string text_;
  Members members_;
};

/// In quotes, escaped.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace snowflake::registry
