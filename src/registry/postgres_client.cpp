#include "registry/postgres_client.hpp"

#include <poll.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

// A statement that nobody waits for any more must not queue up; what is answered after it is not heard.
constexpr const char* settings =
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),"
    " pg_catalog.set_config('statement_timeout', '6s', false),"
    " pg_catalog.set_config('default_transaction_isolation', 'read committed', false),"
    " pg_catalog.set_config('synchronous_commit', CASE WHEN "
    "pg_catalog.current_setting('synchronous_commit')"
    " OPERATOR(pg_catalog.=) 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";

constexpr const char* schema_of_registry =
    "SELECT pg_catalog.quote_ident(namespace.nspname) FROM pg_catalog.pg_extension extension"
    " JOIN pg_catalog.pg_namespace namespace ON namespace.oid OPERATOR(pg_catalog.=) "
    "extension.extnamespace"
    " WHERE extension.extname OPERATOR(pg_catalog.=) 'snowflake_registry'";

using ParsedOptions = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

void refuse_secrets(const char* conninfo) {
  char* problem = nullptr;
  const ParsedOptions parsed(PQconninfoParse(conninfo, &problem), PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> message(problem, PQfreemem);
  if (!parsed) throw Failure(trimmed(problem == nullptr ? "out of memory" : problem));
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && std::strcmp(option->dispchar, "*") == 0)
      throw Failure(std::string(option->keyword) +
                    " must not stand in the connection string, which many can read: use a "
                    "passfile, a service or a "
                    "certificate");
}

// With what a service and the environment add, which libpq tells of connections only: so of one that it refuses to
// begin.
Options all_options(const char* conninfo) {
  constexpr const char* refused = "none that there is";
  const char* const keywords[] = {"dbname", "gssencmode", nullptr};
  const char* const values[] = {conninfo, refused, nullptr};
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectStartParams(keywords, values, 1), PQfinish);
  const ParsedOptions parsed(connection ? PQconninfo(connection.get()) : nullptr, PQconninfoFree);
  if (!parsed) throw Failure("out of memory");
  Options options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0') options[option->keyword] = option->val;
  if (options["gssencmode"] != refused) throw Failure(trimmed(PQerrorMessage(connection.get())));
  options.erase("gssencmode");
  return options;
}

// Of the string itself; "" if it is not there.
std::string given(const char* conninfo, const char* keyword) {
  const ParsedOptions parsed(PQconninfoParse(conninfo, nullptr), PQconninfoFree);
  for (const PQconninfoOption* option = parsed.get();
       option != nullptr && option->keyword != nullptr; ++option)
    if (std::strcmp(option->keyword, keyword) == 0 && option->val != nullptr) return option->val;
  return "";
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> items(1);
  for (const char each : list)
    if (each == ',')
      items.emplace_back();
    else
      items.back() += each;
  return items;
}

std::string take(Options& options, const std::string& keyword) {
  const auto found = options.extract(keyword);
  return found.empty() ? "" : found.mapped();
}

std::vector<Place> take_places(Options& options) {
  const std::string hosts = take(options, "host");
  const std::string addresses = take(options, "hostaddr");
  std::vector<std::string> to = split(addresses.empty() ? hosts : addresses);
  std::vector<std::string> names = hosts.empty() ? to : split(hosts);
  std::vector<std::string> ports = split(take(options, "port"));
  if (names.size() != to.size())
    throw Failure("there must be as many hosts as there are addresses of them");
  if (ports.size() == 1) ports.resize(to.size(), ports.front());
  if (ports.size() != to.size())
    throw Failure("there must be one port, or as many as there are hosts");
  std::vector<Place> places;
  for (std::size_t i = 0; i < to.size(); ++i)
    places.push_back(
        {.host = to[i].empty() ? names[i] : to[i], .port = ports[i], .name = names[i]});
  return places;
}

bool is_ready(PGconn* connection, short events) {
  pollfd descriptor{.fd = PQsocket(connection), .events = events, .revents = 0};
  return poll(&descriptor, 1, 0) > 0;
}

std::string error_of(const PGresult* result) {
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
  if (message == nullptr) return trimmed(PQresultErrorMessage(result));
  return std::string(message) + (hint == nullptr ? "" : std::string(" (") + hint + ")");
}

}  // namespace

PostgresTarget parse_postgres_target(const char* conninfo) {
  refuse_secrets(conninfo);
  PostgresTarget target{.options = all_options(conninfo)};
  Options& options = target.options;
  target.places = take_places(options);
  options.erase("service");
  options.erase("servicefile");
  const std::string gssencmode = given(conninfo, "gssencmode");
  options["gssencmode"] = gssencmode.empty() ? "disable" : gssencmode;
  if (given(conninfo, "target_session_attrs").empty())
    options["target_session_attrs"] = "read-write";
  options.try_emplace("keepalives_idle", "10");
  options.try_emplace("keepalives_interval", "5");
  options.try_emplace("keepalives_count", "3");
  if (given(conninfo, "application_name").empty()) options["application_name"] = "snowflake_id";
  return target;
}

void PostgresClient::begin() {
  if (is_connected())
    send_question();
  else
    connect();
}

void PostgresClient::connect() {
  Options options = options_;
  if (!route().place().name.empty()) options["host"] = route().place().name;
  if (!route().address().empty()) options["hostaddr"] = route().address();
  if (!route().place().port.empty()) options["port"] = route().place().port;
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : options) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection_) throw Failure("out of memory");
  if (PQstatus(connection_.get()) == CONNECTION_BAD)
    throw Failure(trimmed(PQerrorMessage(connection_.get())));
  PQsetNoticeReceiver(connection_.get(), take_notice, this);
  step_ = Step::connect;
  waits_for_ = PGRES_POLLING_WRITING;
}

bool PostgresClient::go_on(Answer& answer) {
  if (step_ == Step::connect) {
    go_on_connecting();
    return false;
  }
  if (!receive()) return false;
  switch (step_) {
    case Step::connect:
      break;
    case Step::settings:
      send(Step::schema, schema_of_registry);
      break;
    case Step::schema:
      take_schema();
      break;
    case Step::question:
      answer = answer_of_result();
      return true;
  }
  return false;
}

void PostgresClient::go_on_connecting() {
  if (!is_ready(connection_.get(), waits_for_ == PGRES_POLLING_READING ? POLLIN : POLLOUT)) return;
  waits_for_ = PQconnectPoll(connection_.get());
  if (waits_for_ == PGRES_POLLING_FAILED) throw Failure(trimmed(PQerrorMessage(connection_.get())));
  if (waits_for_ != PGRES_POLLING_OK) return;
  if (PQsetnonblocking(connection_.get(), 1) != 0)
    throw Failure("the connection cannot be used without waiting");
  send(Step::settings, settings);
}

void PostgresClient::send(Step step, const std::string& statement,
                          const std::vector<std::string>& values) {
  std::vector<const char*> texts;
  texts.reserve(values.size());
  for (const std::string& value : values) texts.push_back(value.c_str());
  step_ = step;
  result_.reset();
  is_replicated_ = true;
  if (PQsendQueryParams(connection_.get(), statement.c_str(), static_cast<int>(texts.size()),
                        nullptr, texts.data(), nullptr, nullptr, 0) != 1)
    throw Failure(trimmed(PQerrorMessage(connection_.get())));
}

void PostgresClient::send_question() {
  const Question& asked = question();
  const auto text = [](std::int64_t value) { return std::to_string(value); };
  const std::string from = " FROM " + schema_ + ".snowflake_registry_";
  switch (asked.kind) {
    case Question::Kind::claim:
      return send(Step::question,
                  "SELECT refusal, node, from_ms, until_ms, now_ms" + from +
                      "claim($1::pg_catalog.text, $2::pg_catalog.int8, $3::pg_catalog.text)",
                  {asked.realm, text(asked.holder), asked.label});
    case Question::Kind::renew:
      return send(Step::question,
                  "SELECT refusal, until_ms, now_ms" + from +
                      "renew($1::pg_catalog.text, $2::pg_catalog.int4, $3::pg_catalog.int8, "
                      "$4::pg_catalog.text,"
                      " $5::pg_catalog.int8, $6::pg_catalog.int8)",
                  {asked.realm, text(asked.node), text(asked.holder), asked.label, text(asked.from),
                   text(asked.until)});
    case Question::Kind::give_back:
      return send(Step::question,
                  "SELECT given_back::pg_catalog.int4 AS given_back" + from +
                      "give_back($1::pg_catalog.text, $2::pg_catalog.int4, $3::pg_catalog.int8, "
                      "$4::pg_catalog.int8)"
                      " AS given_back",
                  {asked.realm, text(asked.node), text(asked.holder), text(asked.until)});
  }
}

// True once the statement is over: rows arrive before the commit, and its failure after them.
bool PostgresClient::receive() {
  PGconn* connection = connection_.get();
  if (PQflush(connection) < 0 || PQconsumeInput(connection) != 1)
    throw Failure(trimmed(PQerrorMessage(connection)));
  while (PQisBusy(connection) == 0) {
    Result next(PQgetResult(connection));
    if (!next) return true;
    take(std::move(next));
  }
  return false;
}

void PostgresClient::take(Result result) {
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) throw Failure(error_of(result.get()));
  result_ = std::move(result);
}

void PostgresClient::take_schema() {
  if (!result_ || PQntuples(result_.get()) != 1)
    throw Failure(std::string("the extension snowflake_registry is not installed in database \"") +
                  PQdb(connection_.get()) + "\"");
  schema_ = PQgetvalue(result_.get(), 0, 0);
  send_question();
}

Answer PostgresClient::answer_of_result() const {
  if (!is_replicated_)
    throw Failure("the answer has not reached the registry's synchronous standbys");
  if (!result_ || PQntuples(result_.get()) != 1)
    throw Failure("the registry's function gave no row");
  if (question().kind == Question::Kind::give_back)
    return Answer{.kind = number("given_back") == 1 ? Answer::Kind::returned : Answer::Kind::lost};
  const int refusal = PQfnumber(result_.get(), "refusal");
  if (PQgetisnull(result_.get(), 0, refusal) == 0)
    return refused(PQgetvalue(result_.get(), 0, refusal));
  const bool is_claim = question().kind == Question::Kind::claim;
  return granted_answer(is_claim ? number("node") : question().node,
                        is_claim ? number("from_ms") : question().from, number("until_ms"),
                        number("now_ms"));
}

Answer PostgresClient::refused(const std::string& refusal) const {
  if (refusal == "lost") return Answer{.kind = Answer::Kind::lost};
  if (refusal == "full") return Answer{.kind = Answer::Kind::full};
  Answer answer{.kind = Answer::Kind::settling};
  put_message(
      answer,
      "the registry was promoted or restored: it waits until what it may have forgotten is over");
  if (refusal == "settling") return answer;
  if (refusal == "no realm")
    throw Failure(std::string("there is no realm \"") + question().realm + "\"");
  throw Failure("the registry refuses for a reason that is not known here: " + refusal);
}

std::int64_t PostgresClient::number(const char* column) const {
  const int index = PQfnumber(result_.get(), column);
  const std::string text =
      PQgetisnull(result_.get(), 0, index) != 0 ? "" : PQgetvalue(result_.get(), 0, index);
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    throw Failure(std::string("the registry's function gave no valid ") + column);
  return value;
}

// A wait for synchronous standbys that is cancelled is but a warning.
void PostgresClient::take_notice(void* client, const PGresult* notice) {
  const char* function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  if (function != nullptr && std::strcmp(function, "SyncRepWaitForLSN") == 0)
    static_cast<PostgresClient*>(client)->is_replicated_ = false;
}

void PostgresClient::drop() {
  schema_.clear();
  result_.reset();
  connection_.reset();
}

}  // namespace snowflake::registry
