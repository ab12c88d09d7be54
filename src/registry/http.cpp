#include "registry/http.hpp"

#include <strings.h>

#include <ctime>
#include <string_view>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

constexpr std::size_t largest_body = 64 << 20;

}  // namespace

Http::Transfer::~Transfer() {
  if (multi && easy) curl_multi_remove_handle(multi.get(), easy.get());
}

// curl_global_init() is called by the first curl_easy_init().
void Http::begin() {
  auto transfer = std::make_unique<Transfer>();
  transfer->multi.reset(curl_multi_init());
  transfer->easy.reset(curl_easy_init());
  if (!transfer->multi || !transfer->easy) throw Failure("libcurl cannot be used");
  transfer_ = std::move(transfer);
}

Http::List Http::list_of(const std::initializer_list<std::string>& lines) {
  List list;
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
  }
  return list;
}

template <typename Value>
void Http::set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(transfer_->easy.get(), option, value);
  if (code != CURLE_OK) throw Failure(curl_easy_strerror(code));
}

void Http::post(const std::string& url, const std::string& connect_to, const std::string& body,
                const std::string& token) {
  if (!transfer_) begin();
  curl_multi_remove_handle(transfer_->multi.get(), transfer_->easy.get());
  curl_easy_reset(transfer_->easy.get());
  response_ = {};
  error_[0] = '\0';
  transfer_->body = body;
  // Without "Expect:", curl waits for a second before it sends a longer body.
  transfer_->headers =
      token.empty()
          ? list_of({"Content-Type: application/json", "Expect:"})
          : list_of({"Content-Type: application/json", "Expect:", "Authorization: " + token});
  transfer_->connect_to = list_of({connect_to});
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_CONNECT_TO, transfer_->connect_to.get());
  set(CURLOPT_HTTPHEADER, transfer_->headers.get());
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer_->body.size()));
  set(CURLOPT_POSTFIELDS, transfer_->body.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  if (!tls_.cacert.empty()) set(CURLOPT_CAINFO, tls_.cacert.c_str());
  if (!tls_.cert.empty()) set(CURLOPT_SSLCERT, tls_.cert.c_str());
  if (!tls_.key.empty()) set(CURLOPT_SSLKEY, tls_.key.c_str());
  if (curl_multi_add_handle(transfer_->multi.get(), transfer_->easy.get()) != CURLM_OK)
    throw Failure("libcurl cannot be used");
}

bool Http::advance(Response& response) {
  int running = 0;
  const CURLMcode code = curl_multi_perform(transfer_->multi.get(), &running);
  if (code != CURLM_OK) throw Failure(curl_multi_strerror(code));
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(transfer_->multi.get(), &left);
  if (message == nullptr || message->msg != CURLMSG_DONE) return false;
  const CURLcode result = message->data.result;
  if (result != CURLE_OK) throw Failure(error_[0] != '\0' ? error_ : curl_easy_strerror(result));
  curl_easy_getinfo(transfer_->easy.get(), CURLINFO_RESPONSE_CODE, &response_.status);
  is_connected_ = true;
  response = std::move(response_);
  return true;
}

void Http::drop() {
  transfer_.reset();
  is_connected_ = false;
}

std::size_t Http::take_body(char* data, std::size_t size, std::size_t count, void* http) {
  std::string& body = static_cast<Http*>(http)->response_.body;
  if (body.size() + size * count > largest_body) return 0;
  try {
    body.append(data, size * count);
  } catch (const std::exception&) {
    return 0;  // curl makes an error of it
  }
  return size * count;
}

std::size_t Http::take_header(char* data, std::size_t size, std::size_t count, void* http) {
  constexpr std::string_view name = "date:";
  const std::size_t length = size * count;
  if (length <= name.size() || length > 100 || strncasecmp(data, name.data(), name.size()) != 0)
    return length;
  char value[101] = "";
  std::string_view(data, length).substr(name.size()).copy(value, sizeof value - 1);
  const std::time_t date = curl_getdate(value, nullptr);
  static_cast<Http*>(http)->response_.date_ms =
      date < 0 ? -1 : static_cast<std::int64_t>(date) * 1000;
  return length;
}

}  // namespace snowflake::registry
