// Rows of a report: what is told, its value, and what is to be known besides. And how values are written.
//
//     Facts facts;                                     // in the memory context that is current
//     facts.add("IDs", number_text(3), psprintf("the last is %s", …));
//     return next_fact(fcinfo, facts_of);              // a set-returning function of (fact, value, detail)
//
// Guarantees: a value that is a number, a time or an interval is written as the session's casts read it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

struct Fact {
  const char* name;
  const char* value;   ///< nullptr: NULL
  const char* detail;  ///< the same
};

class Facts {
 public:
  void add(const char* name, const char* value, const char* detail = nullptr);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Fact& operator[](std::size_t i) const { return facts_[i]; }

 private:
  Fact* facts_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

[[nodiscard]] const char* number_text(std::uint64_t number);
[[nodiscard]] const char* bigint_text(std::int64_t number);
/// As timestamptz.
[[nodiscard]] const char* time_text(UnixMs time);
/// As interval.
[[nodiscard]] const char* duration_text(std::int64_t ms);

/// A call of a set-returning function: at first finds all facts, and then gives one at a time.
[[nodiscard]] Datum next_fact(FunctionCallInfo fcinfo, Facts (*find)(FunctionCallInfo));

}  // namespace snowflake::pg
