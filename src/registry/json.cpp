#include "registry/json.hpp"

#include <charconv>

namespace snowflake::registry {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  bool document(Json& json) {
    if (!value(json)) return false;
    blanks();
    return rest_.empty();
  }

 private:
  static constexpr int deepest = 32;

  bool value(Json& json) {
    blanks();
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return list(json, Json::Kind::object, '}');
      case '[':
        return list(json, Json::Kind::array, ']');
      case '"':
        json.kind_ = Json::Kind::string;
        return string(json.text_);
      case 'n':
        return word(json, Json::Kind::null, "null");
      case 't':
        return word(json, Json::Kind::boolean, "true");
      case 'f':
        return word(json, Json::Kind::boolean, "false");
      default:
        return number(json);
    }
  }

  bool list(Json& json, Json::Kind kind, char end) {
    json.kind_ = kind;
    rest_.remove_prefix(1);
    if (++depth_ > deepest) return false;
    blanks();
    if (!accept(end)) {
      do {
        if (!member(json, kind == Json::Kind::object)) return false;
        blanks();
      } while (accept(','));
      if (!accept(end)) return false;
    }
    --depth_;
    return true;
  }

  bool member(Json& json, bool named) {
    auto& [name, value_of_it] = json.members_.emplace_back();
    if (named) {
      blanks();
      if (!string(name)) return false;
      blanks();
      if (!accept(':')) return false;
    }
    return value(value_of_it);
  }

  bool word(Json& json, Json::Kind kind, std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    json.kind_ = kind;
    if (kind == Json::Kind::boolean) json.text_ = expected;
    rest_.remove_prefix(expected.size());
    return true;
  }

  bool string(std::string& text) {
    if (!accept('"')) return false;
    while (!rest_.empty()) {
      const char next = take();
      if (next == '"') return true;
      if (static_cast<unsigned char>(next) < 0x20) return false;
      if (next != '\\')
        text += next;
      else if (!escape(text))
        return false;
    }
    return false;
  }

  bool escape(std::string& text) {
    if (rest_.empty()) return false;
    const char letter = take();
    if (letter == 'u') return unicode(text);
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t which = letters.find(letter);
    if (which == std::string_view::npos) return false;
    text += meanings[which];
    return true;
  }

  bool unicode(std::string& text) {
    std::uint32_t point = 0;
    if (!unit(point)) return false;
    if (point >= 0xDC00 && point < 0xE000) return false;
    if (point >= 0xD800 && point < 0xDC00) {
      std::uint32_t low = 0;
      if (!accept('\\') || !accept('u') || !unit(low) || low < 0xDC00 || low > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(text, point);
    return true;
  }

  bool unit(std::uint32_t& value_of_it) {
    if (rest_.size() < 4) return false;
    const char* end = rest_.data() + 4;
    if (std::from_chars(rest_.data(), end, value_of_it, 16).ptr != end) return false;
    rest_.remove_prefix(4);
    return true;
  }

  static void put_utf8(std::string& text, std::uint32_t point) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
    if (point < 0x80) {
      text += static_cast<char>(point);
    } else if (point < 0x800) {
      text += static_cast<char>(0xC0 | point >> 6);
      tail(0);
    } else if (point < 0x10000) {
      text += static_cast<char>(0xE0 | point >> 12);
      tail(6), tail(0);
    } else {
      text += static_cast<char>(0xF0 | point >> 18);
      tail(12), tail(6), tail(0);
    }
  }

  bool number(Json& json) {
    const std::string_view begin = rest_;
    accept('-');
    if (!accept('0') && !digits()) return false;
    if (accept('.') && !digits()) return false;
    if (accept('e') || accept('E')) {
      if (!accept('-')) accept('+');
      if (!digits()) return false;
    }
    json.kind_ = Json::Kind::number;
    json.text_ = begin.substr(0, begin.size() - rest_.size());
    return true;
  }

  bool digits() {
    const std::size_t before = rest_.size();
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') rest_.remove_prefix(1);
    return rest_.size() < before;
  }

  void blanks() {
    while (accept(' ') || accept('\t') || accept('\n') || accept('\r')) {
    }
  }

  bool accept(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  char take() {
    const char next = rest_.front();
    rest_.remove_prefix(1);
    return next;
  }

  std::string_view rest_;
  int depth_ = 0;
};

namespace {
const Json null_json;
}

std::optional<Json> Json::parse(std::string_view text) {
  Json json;
  if (!JsonReader(text).document(json)) return std::nullopt;
  return json;
}

std::optional<std::int64_t> Json::integer() const {
  if (kind_ != Kind::number && kind_ != Kind::string) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text_.data() + text_.size();
  const auto read = std::from_chars(text_.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

const Json& Json::operator[](std::string_view name) const {
  if (kind_ == Kind::object)
    for (const auto& [its_name, value] : members_)
      if (its_name == name) return value;
  return null_json;
}

const Json& Json::operator[](std::size_t index) const {
  return index < members_.size() ? members_[index].second : null_json;
}

std::string json_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (each == '"' || each == '\\')
      (out += '\\') += each;
    else if (byte < 0x20 || byte == 0x7F)
      ((out += "\\u00") += hex[byte >> 4]) += hex[byte & 15];
    else
      out += each;
  }
  return out += '"';
}

}  // namespace snowflake::registry
