#include "registry/timed_client.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include "registry/failure.hpp"

namespace snowflake::registry {

void TimedClient::ask(const Question& question) try {
  realm_ = question.realm;
  label_ = question.label;
  question_ = question;
  question_.realm = realm_.c_str();
  question_.label = label_.c_str();
  problems_.clear();
  question_began_ = Clock::now();
  reused_ = is_connected();
  route_.begin();
  begin_attempt();
} catch (const std::exception&) {
  question_began_ = {};  // no memory: advance() says that it is too late
}

bool TimedClient::advance(Answer& answer) try {
  answer = Answer{};
  const auto now = Clock::now();
  const auto limit = route_.is_only() && !reused_ ? question_limit : attempt_limit;
  if (now - question_began_ >= question_limit || now - attempt_began_ >= limit)
    return give_up_attempt(answer, "no answer in time");
  try {
    return attempt(answer);
  } catch (const Failure& failure) {
    return give_up_attempt(answer, failure.what());
  }
} catch (const std::exception& exception) {
  drop();
  answer = Answer{};
  put_message(answer, exception.what());
  return true;
}

void TimedClient::begin_attempt() {
  begun_ = false;
  attempt_began_ = Clock::now();
}

bool TimedClient::attempt(Answer& answer) {
  if (!begun_) {
    if (!is_connected() && !route_.find()) return false;
    begun_ = true;
    begin();
  }
  return go_on(answer);
}

bool TimedClient::give_up_attempt(Answer& answer, const std::string& problem) {
  drop();
  const bool in_time = Clock::now() - question_began_ < question_limit;
  if (reused_ && in_time) {
    reused_ = false;
    begin_attempt();
    return false;
  }
  const std::string where = route_.place().host + ":" + route_.place().port + ": ";
  if (problems_.find(problem) == std::string::npos)
    problems_ += (problems_.empty() ? "" : "; ") + where + problem;
  if (!route_.next() || !in_time) return fail(answer);
  begin_attempt();
  return false;
}

bool TimedClient::fail(Answer& answer) {
  answer = Answer{};
  put_message(answer, problems_);
  return true;
}

Answer granted_answer(std::int64_t node, UnixMs from, UnixMs until, UnixMs now) {
  Answer answer{.kind = Answer::Kind::granted};
  answer.node = node;
  answer.from = from;
  answer.until = until;
  answer.now = now;
  return answer;
}

void put_message(Answer& answer, std::string_view message) {
  const std::size_t length = std::min<std::size_t>(message.size(), Answer::message_size - 1);
  std::memcpy(answer.message, message.data(), length);
  answer.message[length] = '\0';
  std::replace(answer.message, answer.message + length, '\n', ' ');
}

}  // namespace snowflake::registry
