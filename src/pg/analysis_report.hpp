// What an analysis found, as rows for people.
//
//     const Facts facts = report_of({.analysis = analysis, …});
//
// Limits: 64 nodes, workers and shards each, those with most IDs; how many there are besides is told in one row.
#pragma once

#include <span>

#include "core/analysis.hpp"
#include "core/layout_guess.hpp"
#include "pg/facts.hpp"

namespace snowflake::pg {

struct Findings {
  Analysis& analysis;
  double percent;                  ///< of the pages, that were read
  std::uint64_t null_count;        ///< rows without a value
  const char* unique_index;        ///< on the column; nullptr: none
  const char* time_column;         ///< nullptr: none was named
  std::span<const TimedId> timed;  ///< some IDs, with its times
};

[[nodiscard]] Facts report_of(const Findings& findings);

}  // namespace snowflake::pg
