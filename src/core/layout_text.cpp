#include "core/layout_text.hpp"

#include "core/calendar.hpp"
#include "core/presets.hpp"
#include "core/text_reader.hpp"
#include "core/text_writer.hpp"

namespace snowflake {
namespace {

constexpr unsigned id_bits = 63;
constexpr unsigned lower_bits = 31;  // what an integer of SQL holds
// What PostgreSQL's timestamps can hold ends in the year 294276.
constexpr UnixMs end_of_time = 9'224'318'015'999'999;

// Fields are read from the highest to the lowest, so their places are known only at the end. Until
// then the `shift` of a field is the number of bits read before it.
class LayoutParser {
 public:
  LayoutParser(std::string_view text, UnixMs now) : reader_(text), now_(now) {}

  ParsedLayout parse() {
    layout_.unit_ms = 0;
    layout_.epoch_ms = -1;
    for (reader_.skip_blanks(); !reader_.at_end() && problem_ == nullptr; reader_.skip_blanks())
      parse_item();
    if (problem_ == nullptr) finish();
    return {.problem = problem_, .position = position_, .layout = layout_};
  }

 private:
  void fail(const char* problem, std::size_t position) {
    problem_ = problem;
    position_ = position;
  }

  void parse_item() {
    const std::size_t begin = reader_.position();
    const std::string_view name = reader_.word();
    if (!reader_.accept(':'))
      return fail("expected a name and a colon, such as \"timestamp:41\"", begin);
    if (name == "unit") return parse_unit(begin);
    if (name == "epoch") return parse_epoch(begin);
    for (const NamedField& known : layout_fields)
      if (known.name == name) return parse_field(layout_.*known.field, begin);
    fail("unknown name: it must be timestamp, node, worker, shard, sequence, unit or epoch", begin);
  }

  void parse_field(Field& field, std::size_t begin) {
    std::uint64_t width = 0;
    const std::size_t place = reader_.position();
    if (field.present()) return fail("this field is specified twice", begin);
    if (layout_.unit_ms != 0 || layout_.epoch_ms >= 0)
      return fail("fields come before unit and epoch", begin);
    if (!reader_.number(width) || !reader_.at_blank())
      return fail("expected a number of bits", place);
    if (width == 0) return fail("a field has at least one bit; leave it out if it has none", place);
    if (bits_ + width > id_bits) return fail("the fields have more than 63 bits together", place);
    if (&field != &layout_.timestamp && !layout_.timestamp.present())
      return fail("the timestamp must be the first field, or IDs would not sort by time", begin);
    field = {.shift = static_cast<std::uint8_t>(bits_), .width = static_cast<std::uint8_t>(width)};
    bits_ += static_cast<unsigned>(width);
  }

  void parse_unit(std::size_t begin) {
    std::uint64_t count = 0;
    const std::size_t place = reader_.position();
    if (layout_.unit_ms != 0) return fail("the unit is specified twice", begin);
    if (!reader_.number(count)) return fail("expected a unit such as 1ms, 10ms or 1s", place);
    const bool is_ms = reader_.accept("ms");
    if ((!is_ms && !reader_.accept('s')) || !reader_.at_blank())
      return fail("expected a unit such as 1ms, 10ms or 1s", place);
    if (count == 0 || count > max_unit_ms / (is_ms ? 1 : 1000))
      return fail("the unit must lie between 1ms and 60s", place);
    layout_.unit_ms = static_cast<std::int32_t>(is_ms ? count : count * 1000);
  }

  void parse_epoch(std::size_t begin) {
    const std::size_t place = reader_.position();
    if (layout_.epoch_ms >= 0) return fail("the epoch is specified twice", begin);
    if (!parse_time(reader_, layout_.epoch_ms) || !reader_.at_blank()) {
      layout_.epoch_ms = -1;
      return fail(
          "expected an epoch such as 2025-01-01, 2025-01-01T00:00:00.000Z, or Unix milliseconds",
          place);
    }
    if (layout_.epoch_ms > now_) fail("the epoch lies in the future", place);
  }

  void finish() {
    const std::size_t end = reader_.position();
    for (const NamedField& known : layout_fields) {
      Field& field = layout_.*known.field;
      if (field.present())
        field.shift = static_cast<std::uint8_t>(bits_ - field.shift - field.width);
    }
    if (layout_.unit_ms == 0) layout_.unit_ms = 1;
    if (layout_.epoch_ms < 0) layout_.epoch_ms = 0;
    if (const char* problem = problem_of(layout_, now_)) fail(problem, end);
  }

  TextReader reader_;
  UnixMs now_;
  Layout layout_;
  unsigned bits_ = 0;
  const char* problem_ = nullptr;
  std::size_t position_ = 0;
};

/// The text without blanks at its ends. (Not substr(): that can throw.)
std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return {text.data() + begin, text.find_last_not_of(blanks) + 1 - begin};
}

/// Whether each bit from 0 up to the highest belongs to one field.
bool fields_are_gapless(const Layout& layout) {
  std::uint64_t seen = 0;
  unsigned bits = 0;
  for (const NamedField& known : layout_fields) {
    const Field field = layout.*known.field;
    if (!field.present() && field.shift != 0) return false;
    if (field.width > id_bits || field.shift > id_bits - field.width) return false;
    seen |= field.put(field.max());
    bits += field.width;
  }
  return bits <= id_bits && seen == (std::uint64_t{1} << bits) - 1;
}

bool timestamp_is_first(const Layout& layout) {
  for (const NamedField& known : layout_fields)
    if ((layout.*known.field).shift > layout.timestamp.shift) return false;
  return true;
}

bool integers_hold_lower_fields(const Layout& layout) {
  for (const NamedField& known : layout_fields)
    if (known.field != &Layout::timestamp && (layout.*known.field).width > lower_bits) return false;
  return true;
}

bool ends_in_time(const Layout& layout) {
  return layout.last_tick() < (end_of_time - layout.epoch_ms) / layout.unit_ms;
}

void put_unit(TextWriter& out, std::int32_t unit_ms) {
  const bool seconds = unit_ms % 1000 == 0;
  out.put_number(static_cast<std::uint64_t>(seconds ? unit_ms / 1000 : unit_ms));
  out.put(seconds ? "s" : "ms");
}

}  // namespace

ParsedLayout parse_layout(std::string_view text, UnixMs now) {
  const std::string_view name = without_blanks(text);
  if (const Layout* preset = find_preset(name))
    return {.problem = nullptr, .position = 0, .layout = *preset};
  if (!name.empty() && name.find(':') == std::string_view::npos)
    return {.problem = "there is no preset of that name", .position = 0, .layout = {}};
  return LayoutParser(text, now).parse();
}

const char* problem_of(const Layout& layout, UnixMs now) {
  if (!layout.timestamp.present()) return "a layout has a timestamp";
  if (!layout.sequence.present()) return "a layout has a sequence";
  if (!fields_are_gapless(layout) || layout.reserved != 0)
    return "the fields overlap or leave gaps";
  if (!timestamp_is_first(layout))
    return "the timestamp must be the first field, or IDs would not sort by time";
  if (!integers_hold_lower_fields(layout))
    return "a field other than the timestamp has at most 31 bits";
  if (layout.unit_ms < 1 || layout.unit_ms > max_unit_ms)
    return "the unit must lie between 1ms and 60s";
  if (layout.epoch_ms < 0) return "the epoch lies before 1970";
  if (layout.epoch_ms > now) return "the epoch lies in the future";
  if (!ends_in_time(layout)) return "the timestamps would go on past the year 294276";
  return nullptr;
}

LayoutText format_layout(const Layout& layout) {
  LayoutText result;
  TextWriter out(result.text);
  for (const NamedField& known : fields_of(layout)) {
    out.put(known.name);
    out.put(':');
    out.put_number((layout.*known.field).width);
    out.put(' ');
  }
  out.put("unit:");
  put_unit(out, layout.unit_ms);
  out.put(" epoch:");
  put_time(out, layout.epoch_ms);
  result.length = out.length();
  return result;
}

}  // namespace snowflake
