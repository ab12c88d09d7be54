#include "registry/etcd_uri.hpp"

#include <charconv>
#include <utility>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

// What is before `mark`; the rest of the text is what is after it. All of it, if there is none.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view before = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return before;
}

std::string decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = static_cast<unsigned char>(text[at]);
    if (text[at] == '%') {
      const std::string_view hex = text.substr(at + 1, 2);
      const auto read = std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
      if (hex.size() != 2 || read.ptr != hex.data() + 2 || byte == 0)
        throw Failure("a percent sign must be followed by two hexadecimal digits, not 00");
      at += 2;
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// It goes into a URL.
bool is_host(std::string_view text) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port >= 1 &&
         port <= 65535;
}

Place place(std::string_view text) {
  std::string_view host;
  if (text.starts_with('[') && text.find(']') != std::string_view::npos) {
    text.remove_prefix(1);
    host = cut(text, ']');
    if (!text.empty() && !text.starts_with(':')) host = {};
    if (text.starts_with(':')) text.remove_prefix(1);
  } else {
    host = cut(text, ':');
  }
  const std::string_view port = text.empty() ? std::string_view("2379") : text;
  if (!is_host(host) || !is_port(port))
    throw Failure("host[:port] is expected, with an IPv6 address in brackets");
  return {.host = std::string(host), .port = std::string(port)};
}

void read_authority(std::string_view authority, EtcdUri& uri) {
  if (authority.find('@') != std::string_view::npos) {
    const std::string_view user = cut(authority, '@');
    if (user.find(':') != std::string_view::npos)
      throw Failure(
          "a password must not stand in the URI, which many can read: name a file with passfile=");
    uri.user = decoded(user);
    if (uri.user.empty()) throw Failure("the user's name is empty");
  }
  if (authority.ends_with(',')) throw Failure("a host is missing after the last comma");
  do uri.places.push_back(place(cut(authority, ',')));
  while (!authority.empty());
}

std::string& option(EtcdUri& uri, std::string_view name) {
  if (name == "passfile") return uri.passfile;
  if (name == "cacert") return uri.cacert;
  if (name == "cert") return uri.cert;
  if (name == "key") return uri.key;
  throw Failure("unknown option " + std::string(name) + ": there are cacert, cert, key, passfile");
}

void read_options(std::string_view options, EtcdUri& uri) {
  while (!options.empty()) {
    std::string_view value = cut(options, '&');
    const std::string_view name = cut(value, '=');
    option(uri, name) = decoded(value);
  }
}

void check(const EtcdUri& uri) {
  if (!uri.tls && !(uri.cacert + uri.cert + uri.key).empty())
    throw Failure("cacert, cert and key are for TLS: write etcds://");
  if (uri.tls && uri.cacert.empty())
    throw Failure("TLS needs cacert, the file of the authorities that are trusted");
  if (uri.cert.empty() != uri.key.empty()) throw Failure("cert and key belong together");
  if (uri.user.empty() != uri.passfile.empty()) throw Failure("user and passfile belong together");
}

}  // namespace

bool is_etcd_uri(std::string_view text) {
  return text.starts_with("etcd://") || text.starts_with("etcds://");
}

EtcdUri parse_etcd_uri(std::string_view text) {
  EtcdUri uri;
  uri.tls = text.starts_with("etcds://");
  if (!is_etcd_uri(text)) throw Failure("it does not begin with etcd:// or etcds://");
  text.remove_prefix(uri.tls ? 8 : 7);
  std::string_view location = cut(text, '?');
  read_authority(cut(location, '/'), uri);
  while (location.ends_with('/')) location.remove_suffix(1);
  if (!location.empty()) uri.prefix = decoded(location);
  read_options(text, uri);
  check(uri);
  return uri;
}

}  // namespace snowflake::registry
