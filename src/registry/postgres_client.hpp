// The client of a registry in PostgreSQL: a database with the extension snowflake_registry.
//
//     PostgresClient client("postgresql://db1.example,db2.example/ids");
//
// It takes whatever libpq takes. Names are resolved here and hosts are tried one after the other here, for libpq would
// wait: target_session_attrs is read-write unless it is said, so that the primary is found. Nothing that many can read
// may hold a password: passfile, service or certificate are for that.
//
// Guarantees: an answer counts only if its transaction was committed and, where there are synchronous standbys, has
// reached them. No object of the database but the registry's functions is called by a name that is not bound.
//
// Limits: what libpq does without a network may take its time: it reads files of passwords and certificates. GSSAPI is
// not tried for encryption unless gssencmode asks for it, for it waits for its server; a service that is looked up by
// LDAP waits too. A pooler must keep a session on its connection.
#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <string>

#include "registry/timed_client.hpp"

namespace snowflake::registry {

/// Options of a connection; without places.
using Options = std::map<std::string, std::string>;

struct PostgresTarget {
  Options options;
  std::vector<Place> places = {};
};

/// Throws Failure.
[[nodiscard]] PostgresTarget parse_postgres_target(const char* conninfo);

class PostgresClient final : public TimedClient {
 public:
  explicit PostgresClient(PostgresTarget target)
      : TimedClient(std::move(target.places)), options_(std::move(target.options)) {}

 private:
  enum class Step { connect, settings, schema, question };

  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, Clear>;

  [[nodiscard]] bool is_connected() const override { return !schema_.empty(); }
  void begin() override;
  [[nodiscard]] bool go_on(Answer& answer) override;
  void drop() override;

  void connect();
  void go_on_connecting();
  void send(Step step, const std::string& statement, const std::vector<std::string>& values = {});
  void send_question();
  [[nodiscard]] bool receive();
  void take(Result result);
  void take_schema();
  [[nodiscard]] Answer answer_of_result() const;
  [[nodiscard]] Answer refused(const std::string& refusal) const;
  [[nodiscard]] std::int64_t number(const char* column) const;
  static void take_notice(void* client, const PGresult* notice);

  Options options_;
  std::unique_ptr<PGconn, Finish> connection_;
  Step step_ = Step::connect;
  PostgresPollingStatusType waits_for_ = PGRES_POLLING_WRITING;
  std::string schema_;  // quoted; empty until the connection can be used
  Result result_;
  bool is_replicated_ = true;
};

}  // namespace snowflake::registry
