#include "pg/analysis_report.hpp"

#include <cstdlib>

#include "core/presets.hpp"
#include "pg/layout.hpp"

namespace snowflake::pg {
namespace {

constexpr std::size_t most_rows = 64;

UnixMs time_of(Id id, const Layout& layout) { return layout.time_at(layout.decode(id).tick); }

/// The part in a whole.
const char* percent_text(std::uint64_t part, std::uint64_t whole) {
  return psprintf("%.3g %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

bool is_sample(const Findings& findings) { return findings.percent < 100; }

std::span<std::int64_t> new_scratch() {
  constexpr std::size_t room = 4096;
  return {static_cast<std::int64_t*>(palloc(room * sizeof(std::int64_t))), room};
}

// --- The layout ---

/// What is wrong with it; nullptr if nothing is.
const char* text_of(Misfit misfit, const Analysis& analysis, const Spread& delays,
                    const char* time_column) {
  const std::uint64_t all = analysis.values().count;
  switch (misfit) {
    case Misfit::not_ids:
      return psprintf("%s of the values are no IDs of it",
                      percent_text(analysis.negative().count + analysis.beyond().count, all));
    case Misfit::ahead:
      return psprintf("%s of the IDs would be ahead of the clock by more than a day",
                      percent_text(analysis.far_ahead(), all));
    case Misfit::at_epoch:
      return "all IDs would be of its first day";
    case Misfit::other_times:
      return psprintf("the times in \"%s\" differ from its own by %s", time_column,
                      duration_text(std::abs(delays.median)));
    case Misfit::none:
      break;
  }
  return nullptr;
}

/// What is known of it.
const char* verdict_of(const char* problem, const Analysis& analysis, const Spread& delays) {
  if (problem != nullptr) return psprintf("does not fit: %s", problem);
  if (analysis.values().count == 0) return nullptr;
  return delays.count >= fewest_times ? "fits the times of the rows" : "can be";
}

void add_delays(Facts& facts, const Spread& delays, const char* column) {
  if (column == nullptr) return;
  if (delays.count == 0) return facts.add("delay", nullptr, "no ID has a time");
  facts.add("delay", duration_text(delays.median),
            psprintf("from ID to \"%s\": median of %zu rows; 5 %%: %s, 95 %%: %s", column,
                     delays.count, duration_text(delays.p5), duration_text(delays.p95)));
}

// --- What the layout might be instead ---

/// The names of all presets that read time from IDs in the same way, but for the first; nullptr if there are none.
const char* other_names_of(const Layout& layout, std::string_view first) {
  const char* names = nullptr;
  for (const Preset& preset : presets()) {
    if (preset.name == first || !have_same_timestamps(preset.layout, layout)) continue;
    const char* name = pnstrdup(preset.name.data(), preset.name.size());
    names = names == nullptr ? name : psprintf("%s, %s", names, name);
  }
  return names;
}

std::string_view name_of(const Layout& layout) {
  for (const Preset& preset : presets())
    if (have_same_timestamps(preset.layout, layout)) return preset.name;
  return {};
}

void add_guess(Facts& facts, const Layout& layout, const char* why) {
  const std::string_view name = name_of(layout);
  if (name.empty()) return facts.add("layout guess", layout_text(layout), why);
  const char* others = other_names_of(layout, name);
  facts.add("layout guess", pnstrdup(name.data(), name.size()),
            others == nullptr ? why : psprintf("%s; the same times as %s", why, others));
}

void add_sequence(Facts& facts, const Analysis& analysis) {
  const Group& values = analysis.values();
  const std::uint64_t distinct = values.count - analysis.duplicates();
  const auto room = static_cast<std::uint64_t>(values.last - values.first) + 1;
  facts.add(
      "layout guess", nullptr,
      psprintf("no Snowflake IDs, but small numbers, as of a sequence: %s of those from %s "
               "to %s are there",
               percent_text(distinct, room), bigint_text(values.first), bigint_text(values.last)));
}

void add_fit(Facts& facts, const Findings& findings, const TimeFit& fit) {
  const Spread delays = delays_of(findings.timed, fit.layout, new_scratch());
  add_guess(
      facts, fit.layout,
      psprintf("by \"%s\", with a delay of %s; 5 %%: %s, 95 %%: %s", findings.time_column,
               duration_text(delays.median), duration_text(delays.p5), duration_text(delays.p95)));
}

void add_candidates(Facts& facts, const Findings& findings) {
  const Analysis& analysis = findings.analysis;
  const bool has_times = findings.timed.size() >= fewest_times;
  const std::int64_t newest = analysis.most_are_up_to();
  const Candidates found = newest < 0 || analysis.negative().count > analysis.values().count / 100
                               ? Candidates{}
                               : candidates(static_cast<Id>(newest), analysis.now());
  if (has_times || found.count == 0)
    return facts.add(
        "layout guess", nullptr,
        has_times ? "none fits the times of the rows" : "no preset can be; name a column of times");
  for (const Layout* layout : found)
    add_guess(facts, *layout,
              psprintf("can be: the newest would be of %s",
                       time_text(time_of(static_cast<Id>(newest), *layout))));
}

void add_guesses(Facts& facts, const Findings& findings) {
  if (looks_like_sequence(findings.analysis)) return add_sequence(facts, findings.analysis);
  const TimeFit fit = fit_times(findings.timed, new_scratch(), findings.analysis.now());
  if (fit.found) return add_fit(facts, findings, fit);
  add_candidates(facts, findings);
}

// --- What is there, and when it was made ---

void add_rows(Facts& facts, const Findings& findings) {
  facts.add(
      "rows", number_text(findings.analysis.values().count + findings.null_count),
      is_sample(findings)
          ? psprintf("in a sample: %g %% of the pages; all that follows is of it", findings.percent)
          : nullptr);
  facts.add("NULL", number_text(findings.null_count));
}

void add_end(Facts& facts, const char* name, const Analysis& analysis, std::int64_t id) {
  if (analysis.ids().count == 0) return facts.add(name, nullptr);
  facts.add(name, time_text(time_of(static_cast<Id>(id), analysis.layout())),
            psprintf("ID %s", bigint_text(id)));
}

void add_span(Facts& facts, const Analysis& analysis) {
  const Layout& layout = analysis.layout();
  const Group& ids = analysis.ids();
  facts.add("IDs", number_text(ids.count));
  add_end(facts, "first", analysis, ids.first);
  add_end(facts, "last", analysis, ids.last);
  facts.add("span", ids.count == 0 ? nullptr
                                   : duration_text(time_of(static_cast<Id>(ids.last), layout) -
                                                   time_of(static_cast<Id>(ids.first), layout)));
}

void add_strangers(Facts& facts, const Analysis& analysis) {
  const Layout& layout = analysis.layout();
  const Group& negative = analysis.negative();
  const Group& beyond = analysis.beyond();
  const Group& ahead = analysis.ahead();
  facts.add("before the epoch", number_text(negative.count),
            negative.count == 0 ? nullptr
                                : psprintf("negative: %s to %s", bigint_text(negative.first),
                                           bigint_text(negative.last)));
  facts.add("beyond the layout", number_text(beyond.count),
            beyond.count == 0
                ? nullptr
                : psprintf("more than %u bits: up to %s", layout.bits(), bigint_text(beyond.last)));
  facts.add(
      "ahead of the clock", number_text(ahead.count),
      ahead.count == 0
          ? nullptr
          : psprintf("by up to %s",
                     duration_text(time_of(static_cast<Id>(ahead.last), layout) - analysis.now())));
}

void add_duplicates(Facts& facts, const Findings& findings) {
  const Analysis& analysis = findings.analysis;
  const char* index = findings.unique_index;
  const std::uint64_t count = analysis.duplicates();
  const char* detail = nullptr;
  if (count > 0)
    detail =
        psprintf("distinct: %s, the first: %s%s", number_text(analysis.duplicated()),
                 bigint_text(analysis.first_duplicate()),
                 index == nullptr ? "" : psprintf("; the unique index \"%s\" is corrupt", index));
  else if (index != nullptr)
    detail = psprintf("unique index \"%s\"", index);
  else if (is_sample(findings))
    detail = "in the sample: others are not seen";
  facts.add("duplicates", number_text(count), detail);
}

// --- How fast ---

const char* name_of_unit(std::int32_t unit_ms) {
  if (unit_ms == 1) return "millisecond";
  if (unit_ms == 1000) return "second";
  return unit_ms % 1000 == 0 ? psprintf("%d s", unit_ms / 1000) : psprintf("%d ms", unit_ms);
}

void add_rate(Facts& facts, const Rate& rate, const char* period, UnixMs at) {
  const bool any = rate.periods() > 0;
  const auto text = [any](std::uint64_t number) { return any ? number_text(number) : nullptr; };
  facts.add(psprintf("IDs per %s, median", period), text(rate.median()),
            any ? psprintf("of those with any: %s", number_text(rate.periods())) : nullptr);
  facts.add(psprintf("IDs per %s, p99", period), text(rate.p99()));
  facts.add(psprintf("IDs per %s, peak", period), text(rate.peak()),
            any ? psprintf("at %s", time_text(at)) : nullptr);
}

void add_rates(Facts& facts, const Analysis& analysis) {
  const Layout& layout = analysis.layout();
  const Rate& ticks = analysis.per_tick();
  add_rate(facts, ticks, name_of_unit(layout.unit_ms), layout.time_at(ticks.peak_period()));
  if (layout.unit_ms < 1000)
    add_rate(facts, analysis.per_second(), "second", analysis.per_second().peak_period() * 1000);
}

void add_gap(Facts& facts, const Analysis& analysis) {
  if (analysis.ids().count == 0) return facts.add("largest gap", nullptr);
  const UnixMs from = time_of(analysis.largest_gap().from, analysis.layout());
  const UnixMs to = time_of(analysis.largest_gap().to, analysis.layout());
  facts.add("largest gap", duration_text(to - from),
            to == from ? nullptr : psprintf("from %s to %s", time_text(from), time_text(to)));
}

// --- Which bits ---

/// 0 or 1 for a bit that is the same in all IDs, x for one that is not.
const char* picture_of(Field field, const Analysis& analysis) {
  const std::uint64_t constant = field.get(analysis.constant_bits());
  const std::uint64_t ones = field.get(analysis.constant_ones());
  char* picture = static_cast<char*>(palloc0(field.width + 1U));
  for (unsigned bit = 0; bit < field.width; ++bit) {
    const std::uint64_t mask = std::uint64_t{1} << (field.width - 1U - bit);
    picture[bit] = (constant & mask) == 0 ? 'x' : (ones & mask) == 0 ? '0' : '1';
  }
  return picture;
}

/// The highest bits of a field that no ID has set.
unsigned unused_bits_in(Field field, const Analysis& analysis) {
  const std::uint64_t seen = field.get(~analysis.constant_bits() | analysis.constant_ones());
  return field.width - static_cast<unsigned>(std::bit_width(seen));
}

void add_bits(Facts& facts, const Analysis& analysis) {
  const Layout& layout = analysis.layout();
  const bool any = analysis.ids().count > 0;
  unsigned unused = 0;
  for (const NamedField& known : fields_of(layout))
    unused += unused_bits_in(layout.*known.field, analysis);
  facts.add("unused bits", any ? number_text(unused) : nullptr,
            psprintf("of %u; below: 0 or 1 in all IDs, x in some", layout.bits()));
  for (const NamedField& known : fields_of(layout))
    facts.add(psprintf("unused bits, %s", known.name.data()),
              any ? number_text(unused_bits_in(layout.*known.field, analysis)) : nullptr,
              any ? picture_of(layout.*known.field, analysis) : nullptr);
}

void add_javascript(Facts& facts, const Analysis& analysis) {
  const Layout& layout = analysis.layout();
  const std::uint64_t inexact = analysis.inexact().count;
  const Tick tick = static_cast<Tick>(layout.timestamp.get(Id{1} << 53));
  const char* limit = layout.bits() <= 53
                          ? "no ID of the layout passes 2^53"
                          : psprintf("IDs pass 2^53 on %s", time_text(layout.time_at(tick)));
  facts.add("exact in JavaScript", inexact == 0 ? "yes" : "no",
            inexact == 0
                ? limit
                : psprintf("too large: %s, send them as text; %s", number_text(inexact), limit));
}

// --- By whom ---

const char* name_of_node(std::uint64_t key) {
  return psprintf("node " UINT64_FORMAT, static_cast<uint64>(key));
}

const char* name_of_shard(std::uint64_t key) {
  return psprintf("shard " UINT64_FORMAT, static_cast<uint64>(key));
}

const char* name_of_worker(std::uint64_t key) {
  return psprintf("worker %u of node %u", static_cast<uint32>(key), static_cast<uint32>(key >> 32));
}

void add_uses(Facts& facts, const char* kind, UseTally& tally, const char* (*name)(std::uint64_t),
              const Analysis& analysis) {
  const std::span<const Use> uses = tally.most_used(most_rows);
  std::uint64_t left = analysis.ids().count;
  for (const Use& use : uses) left -= use.ids;
  facts.add(kind, psprintf("%zu", tally.keys()),
            tally.left_out() > 0 ? "or more"
            : left > 0 ? psprintf("%zu are not listed, with %s IDs", tally.keys() - uses.size(),
                                  number_text(left))
                       : nullptr);
  for (const Use& use : uses)
    facts.add(name(use.key), number_text(use.ids),
              psprintf("%s to %s", time_text(time_of(use.first, analysis.layout())),
                       time_text(time_of(use.last, analysis.layout()))));
}

void add_all_uses(Facts& facts, Analysis& analysis) {
  const Layout& layout = analysis.layout();
  if (layout.node.present()) add_uses(facts, "nodes", analysis.nodes(), name_of_node, analysis);
  if (layout.worker.present())
    add_uses(facts, "workers", analysis.workers(), name_of_worker, analysis);
  if (layout.shard.present()) add_uses(facts, "shards", analysis.shards(), name_of_shard, analysis);
}

}  // namespace

Facts report_of(const Findings& findings) {
  Analysis& analysis = findings.analysis;
  const Spread delays = delays_of(findings.timed, analysis.layout(), new_scratch());
  const char* problem =
      text_of(misfit_of(analysis, delays), analysis, delays, findings.time_column);
  Facts facts;
  facts.add("layout", label_of(analysis.layout()), verdict_of(problem, analysis, delays));
  if (problem != nullptr) add_guesses(facts, findings);
  add_delays(facts, delays, findings.time_column);
  add_rows(facts, findings);
  add_span(facts, analysis);
  add_strangers(facts, analysis);
  add_duplicates(facts, findings);
  add_rates(facts, analysis);
  add_gap(facts, analysis);
  add_bits(facts, analysis);
  add_javascript(facts, analysis);
  add_all_uses(facts, analysis);
  return facts;
}

}  // namespace snowflake::pg
