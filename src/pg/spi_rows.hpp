// Rows of SPI: those of a query one by one, and those that a statement can name.
//
//     Cursor rows("SELECT id FROM public.orders ORDER BY 1");
//     NamedRows found("found", rows.type());
//     while (HeapTuple row = rows.next()) found.add(row);
//     rows.end();
//     found.begin(1000);                            // about as many
//     SPI_execute("SELECT count(*) FROM found", …);
//     found.end();
//
// Guarantees: a thousand rows of a query are in memory at a time, and of named ones what maintenance_work_mem allows; the
// others are in a temporary file. An error ends both.
//
// Limits: the caller is connected to SPI. Neither outlives the transaction.
#pragma once

#include <cstdint>
#include <optional>

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// The rows of a query, one by one.
class Cursor {
 public:
  explicit Cursor(const char* query) {
    SPIPlanPtr plan = SPI_prepare_cursor(query, 0, nullptr, 0);
    if (plan == nullptr) elog(ERROR, "could not prepare: %s", query);
    portal_ = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
    SPI_freeplan(plan);
  }

  /// nullptr after the last; else valid until the next call.
  HeapTuple next() {
    if (at_ == count_) fetch();
    return count_ == 0 ? nullptr : rows_->vals[at_++];
  }

  [[nodiscard]] TupleDesc type() const { return rows_->tupdesc; }

  void end() {
    SPI_freetuptable(rows_);
    SPI_cursor_close(portal_);
  }

 private:
  static constexpr int rows_at_once = 1000;

  void fetch() {
    if (rows_ != nullptr) SPI_freetuptable(rows_);
    SPI_cursor_fetch(portal_, true, rows_at_once);
    rows_ = SPI_tuptable;
    count_ = SPI_processed;
    at_ = 0;
  }

  Portal portal_;
  SPITupleTable* rows_ = nullptr;
  std::uint64_t count_ = 0;
  std::uint64_t at_ = 0;
};

/// A bigint, or what is stored as one; columns are counted from 1.
inline std::optional<std::int64_t> value_in(HeapTuple row, TupleDesc type, int number) {
  bool is_null = false;
  const Datum value = SPI_getbinval(row, type, number, &is_null);
  if (is_null) return std::nullopt;
  return DatumGetInt64(value);
}

/// A relation in memory, or in a temporary file, that statements can name.
class NamedRows {
 public:
  NamedRows(const char* name, TupleDesc type)
      : relation_{}, rows_(tuplestore_begin_heap(false, false, maintenance_work_mem)) {
    relation_.md.name = const_cast<char*>(name);
    relation_.md.tupdesc = CreateTupleDescCopy(type);
    relation_.md.enrtype = ENR_NAMED_TUPLESTORE;
    relation_.reldata = rows_;
  }

  void add(HeapTuple row) { tuplestore_puttuple(rows_, row); }
  void add(Datum* values, bool* nulls) {
    tuplestore_putvalues(rows_, relation_.md.tupdesc, values, nulls);
  }

  [[nodiscard]] TupleDesc type() const { return relation_.md.tupdesc; }

  void begin(double rows) {
    relation_.md.enrtuples = rows;
    if (SPI_register_relation(&relation_) != SPI_OK_REL_REGISTER)
      elog(ERROR, "could not name %s", relation_.md.name);
  }

  void end() {
    SPI_unregister_relation(relation_.md.name);
    tuplestore_end(rows_);
  }

 private:
  EphemeralNamedRelationData relation_;
  Tuplestorestate* rows_;
};

}  // namespace snowflake::pg
