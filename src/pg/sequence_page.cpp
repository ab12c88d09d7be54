#include "pg/sequence_page.hpp"

#include <cstdint>

namespace snowflake::pg {
namespace {

/// As in sequence.c, in the page's special space.
constexpr std::uint32_t sequence_magic = 0x1717;

}  // namespace

Form_pg_sequence_data row_on(Page page) {
  if (*reinterpret_cast<std::uint32_t*>(PageGetSpecialPointer(page)) != sequence_magic)
    elog(ERROR, "the page of a sequence has a bad magic number");
  auto* tuple =
      reinterpret_cast<HeapTupleHeader>(PageGetItem(page, PageGetItemId(page, FirstOffsetNumber)));
  return reinterpret_cast<Form_pg_sequence_data>(reinterpret_cast<char*>(tuple) + tuple->t_hoff);
}

}  // namespace snowflake::pg
