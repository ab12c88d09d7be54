// Asks a registry what it is told to on its standard input, through the library as it is installed, and writes the
// answers: as the worker process does, but without a server.
//
//     registry_client LIBRARY REGISTRY
//     claim REALM HOLDER LABEL                          granted NODE FROM UNTIL NOW
//     renew REALM NODE HOLDER LABEL FROM UNTIL          granted NODE FROM UNTIL NOW, or: lost
//     give_back REALM NODE HOLDER LAST_USED             returned, or: lost
//     quit
//     end                                               ended: the client is destroyed in the middle of a question
//
// Each answer has more after a bar, in milliseconds: how long the question took; how long the longest call of ask() or
// advance(); by how much the longest of the pauses between them was too long, because the machine had other things to
// do; and then the message. LIBRARY is loaded as a server does it.
#include "registry/client.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include "registry/library.hpp"

namespace snowflake::registry {
namespace {

using Clock = std::chrono::steady_clock;

// How often something else ran instead.
long preemptions() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// A call that was interrupted because the machine had other things to do does not count, unless it took so long that
// nothing but waiting explains it.
struct Timed {
  static constexpr std::chrono::milliseconds inexplicable{500};
  Clock::duration longest{};

  template <typename Call>
  auto operator()(Call call) {
    struct Lap {
      Timed& timed;
      long preempted = preemptions();
      Clock::time_point began = Clock::now();
      ~Lap() {
        const auto took = Clock::now() - began;
        if (took < inexplicable && preemptions() != preempted) return;
        timed.longest = std::max(timed.longest, took);
      }
    } lap{*this};
    return call();
  }
};

long ms(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

template <typename Function>
Function function(void* library, const char* name) {
  void* address = dlsym(library, name);
  if (address == nullptr) std::cerr << dlerror() << "\n", exit(2);
  return reinterpret_cast<Function>(address);
}

struct Asked {
  Question question;
  std::string realm, label = "-";
};

bool read(std::istringstream& line, Asked& asked) {
  std::string kind;
  line >> kind >> asked.realm;
  Question& question = asked.question;
  if (kind == "claim") {
    question.kind = Question::Kind::claim;
    line >> question.holder >> asked.label;
  } else if (kind == "renew") {
    question.kind = Question::Kind::renew;
    line >> question.node >> question.holder >> asked.label >> question.from >> question.until;
  } else {
    question.kind = Question::Kind::give_back;
    line >> question.node >> question.holder >> question.until;
  }
  question.realm = asked.realm.c_str();
  question.label = asked.label.c_str();
  return !line.fail();
}

void show(const Answer& answer) {
  constexpr const char* names[] = {"granted", "returned", "lost", "full", "settling", "failed"};
  std::cout << names[static_cast<int>(answer.kind)];
  if (answer.kind == Answer::Kind::granted)
    std::cout << " " << answer.node << " " << answer.from << " " << answer.until << " "
              << answer.now;
}

constexpr std::chrono::milliseconds between{2};

void pause(Clock::duration& longest) {
  const auto began = Clock::now();
  const timespec some{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(between).count()};
  nanosleep(&some, nullptr);
  longest = std::max(longest, Clock::now() - began);
}

void show_times(Clock::duration all, const Timed& timed, Clock::duration pause) {
  std::cout << " | " << ms(all) << " " << ms(timed.longest) << " " << ms(pause - between);
}

void ask(Client& client, const Question& question) {
  Timed timed;
  Answer answer;
  Clock::duration longest_pause = between;
  const auto began = Clock::now();
  timed([&] { client.ask(question); });
  while (!timed([&] { return client.advance(answer); })) pause(longest_pause);
  show(answer);
  show_times(Clock::now() - began, timed, longest_pause);
  std::cout << " " << answer.message << std::endl;
}

// Asks, goes on for a while, and gives up.
void end(Client* client, DestroyClient destroy) {
  Timed timed;
  Answer answer;
  Clock::duration longest_pause = between;
  const auto began = Clock::now();
  client->ask({.kind = Question::Kind::claim, .realm = "main", .holder = 1, .label = "-"});
  for (int i = 0; i < 100 && !client->advance(answer); ++i) pause(longest_pause);
  timed([&] { destroy(client); });
  std::cout << "ended";
  show_times(Clock::now() - began, timed, longest_pause);
  std::cout << std::endl;
}

int run(const char* path, const char* registry) {
  void* library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return std::cerr << dlerror() << "\n", 2;
  const auto destroy = function<DestroyClient>(library, destroy_client_name);
  Client* client = function<CreateClient>(library, create_client_name)(registry);
  for (std::string text; std::getline(std::cin, text);) {
    if (text == "end") return end(client, destroy), 0;
    if (text == "quit") break;
    std::istringstream line(text);
    Asked asked{};
    if (!read(line, asked)) return std::cerr << "not understood: " << text << "\n", 2;
    ask(*client, asked.question);
  }
  destroy(client);
  return 0;
}

}  // namespace
}  // namespace snowflake::registry

int main(int count, char** arguments) {
  if (count != 3) return std::cerr << "registry_client LIBRARY REGISTRY\n", 2;
  signal(SIGPIPE, SIG_IGN);  // as in a server
  return snowflake::registry::run(arguments[1], arguments[2]);
}
