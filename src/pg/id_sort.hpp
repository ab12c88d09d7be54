// Sorts any number of bigints, as CREATE INDEX does: in maintenance_work_mem, and beyond that in temporary files.
//
//     IdSort sort;
//     for (…) sort.add(value);
//     sort.sort();
//     for (std::int64_t value; sort.next(value);) …
//     sort.end();
//
// Guarantees: memory and files go with the transaction, however it ends; temp_file_limit holds. It can be cancelled.
#pragma once

#include <cstdint>

#include "pg/postgres.hpp"

namespace snowflake::pg {

class IdSort {
 public:
  IdSort()
      : sort_(tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
                                    maintenance_work_mem, nullptr, 0)) {}

  void add(std::int64_t value) {
    tuplesort_putdatum(sort_, Int64GetDatum(value), false);
    ++count_;
  }

  void sort() { tuplesort_performsort(sort_); }

  bool next(std::int64_t& value) {
    Datum datum = 0;
    if (!next_sorted(sort_, &datum)) return false;
    value = DatumGetInt64(datum);
    return true;
  }

  void end() { tuplesort_end(sort_); }

  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  Tuplesortstate* sort_;
  std::uint64_t count_ = 0;
};

}  // namespace snowflake::pg
