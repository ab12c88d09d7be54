// One HTTP request at a time, by libcurl, without waiting.
//
//     Http http(Http::Tls{...});
//     http.post("https://etcd1.example:2379/v3/kv/txn", "etcd1.example:2379:10.0.0.1:2379", body, token);
//     Http::Response response;
//     while (!http.advance(response)) ...
//
// Guarantees: nothing blocks, for curl is told the address and never resolves a name; a connection is kept for the next
// request. No proxy, no .netrc, no redirection, nothing but HTTP.
//
// Limits: a response of at most 64 MB. Files of certificates are read by curl, when a connection begins.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace snowflake::registry {

class Http {
 public:
  struct Tls {
    std::string cacert, cert, key;
  };

  struct Response {
    long status = 0;
    std::int64_t date_ms = -1;  ///< of the header; -1: there is none
    std::string body;
  };

  explicit Http(Tls tls) : tls_(std::move(tls)) {}

  /// `connect_to`: HOST:PORT:ADDRESS:PORT. Throws Failure.
  void post(const std::string& url, const std::string& connect_to, const std::string& body,
            const std::string& token);

  /// Throws Failure if there was no response.
  [[nodiscard]] bool advance(Response& response);

  /// Whether there was a response on a connection that may still be there.
  [[nodiscard]] bool is_connected() const { return is_connected_; }

  void drop();

 private:
  template <auto clean_up>
  struct CleanUp {
    template <typename Handle>
    void operator()(Handle* handle) const {
      clean_up(handle);
    }
  };
  using List = std::unique_ptr<curl_slist, CleanUp<curl_slist_free_all>>;
  // In this order: what is destroyed later may be in use by what is destroyed before.
  struct Transfer {
    std::unique_ptr<CURLM, CleanUp<curl_multi_cleanup>> multi;
    List headers, connect_to;
    std::string body;
    std::unique_ptr<CURL, CleanUp<curl_easy_cleanup>> easy;
    ~Transfer();
  };

  void begin();
  static List list_of(const std::initializer_list<std::string>& lines);
  template <typename Value>
  void set(CURLoption option, Value value);
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* http);
  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* http);

  Tls tls_;
  std::unique_ptr<Transfer> transfer_;
  Response response_;
  char error_[CURL_ERROR_SIZE] = "";
  bool is_connected_ = false;
};

}  // namespace snowflake::registry
