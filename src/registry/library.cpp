#include "registry/library.hpp"

#include <exception>

#include "registry/etcd_uri.hpp"
#include "registry/failure.hpp"
#include "registry/postgres_client.hpp"
#include "registry/timed_client.hpp"
#ifdef SNOWFLAKE_WITH_ETCD
#include "registry/etcd_client.hpp"
#endif

namespace snowflake::registry {
namespace {

/// Says why there is no other.
class NoClient final : public Client {
 public:
  void explain(const char* problem) { put_message(failed_, problem); }
  void ask(const Question&) override {}
  [[nodiscard]] bool advance(Answer& answer) override {
    answer = failed_;
    return true;
  }

 private:
  Answer failed_;
};

// Not made when it is needed: there may be no memory then.
NoClient no_client;

Client* create_etcd_client(const char* uri) {
#ifdef SNOWFLAKE_WITH_ETCD
  return new EtcdClient(parse_etcd_uri(uri));
#else
  (void)uri;
  throw Failure("this snowflake_id was built without etcd, that is without libcurl");
#endif
}

Client* create_client(const char* uri) try {
  if (is_etcd_uri(uri)) return create_etcd_client(uri);
  return new PostgresClient(parse_postgres_target(uri));
} catch (const std::exception& exception) {
  no_client.explain(exception.what());
  return &no_client;
}

void destroy_client(Client* client) {
  if (client != &no_client) delete client;
}

}  // namespace
}  // namespace snowflake::registry

extern "C" {
[[gnu::visibility("default")]] snowflake::registry::Client* snowflake_registry_create_client(
    const char* uri) {
  return snowflake::registry::create_client(uri);
}

[[gnu::visibility("default")]] void snowflake_registry_destroy_client(
    snowflake::registry::Client* client) {
  snowflake::registry::destroy_client(client);
}
}
