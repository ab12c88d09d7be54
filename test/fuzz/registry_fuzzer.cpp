// Any bytes as JSON, Base64, the URI of an etcd or its answer: either a value, or refused by a Failure.
#include <cstdlib>

#include "registry/base64.hpp"
#include "registry/etcd_store.hpp"
#include "registry/etcd_uri.hpp"
#include "registry/failure.hpp"
#include "registry/json.hpp"

namespace snowflake::registry {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void text_survives(std::string_view text) {
  const auto again = Json::parse(json_string(text));
  check(again && again->text() == text);
  check(from_base64(to_base64(text)) == text);
  if (const auto bytes = from_base64(text)) check(bytes->size() <= text.size() / 4 * 3);
}

void json_is_read_or_refused(std::string_view text) {
  if (const auto json = Json::parse(text))
    check((*json)["none"][7]["below"].kind() == Json::Kind::null);
  (void)etcd_error(text);
}

void uri_is_read_or_refused(std::string_view text) try {
  check(!parse_etcd_uri("etcd://" + std::string(text)).places.empty());
} catch (const Failure&) {
}

Snapshot snapshot_of(std::string_view value) {
  return EtcdStore("ids", "main")
      .snapshot(
          R"({"header":{"revision":1},"responses":[{},{},{"response_range":{"kvs":[{"key":")" +
          to_base64("/ids/main/node/1") + R"(","mod_revision":"1","value":")" + to_base64(value) +
          R"("}]}}]})");
}

void row_is_read_or_refused(std::string_view value) try {
  const Snapshot snapshot = snapshot_of(value);
  check(snapshot.row(1) != nullptr && snapshot.row(1)->until >= 0 && snapshot.row(1)->holder >= 0);
  check(Json::parse(
            EtcdStore("ids", "main").write_request(snapshot, {.node = 1, .row = *snapshot.row(1)}))
            .has_value());
} catch (const Failure&) {
}

void answer_is_read_or_refused(std::string_view text) try {
  (void)EtcdStore("ids", "main").snapshot(text);
} catch (const Failure&) {
}

}  // namespace
}  // namespace snowflake::registry

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  snowflake::registry::text_survives(text);
  snowflake::registry::json_is_read_or_refused(text);
  snowflake::registry::uri_is_read_or_refused(text);
  snowflake::registry::row_is_read_or_refused(text);
  snowflake::registry::answer_is_read_or_refused(text);
  return 0;
}
