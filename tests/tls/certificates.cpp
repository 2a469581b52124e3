// SPDX-License-Identifier: BSL-1.0
#include "certificates.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <vector>

namespace {

using key_pointer = std::shared_ptr<EVP_PKEY>;
using certificate_pointer = std::shared_ptr<X509>;

void require(bool holds) {
    if (holds) return;
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    throw std::runtime_error(std::string("OpenSSL: ") + text.data());
}

key_pointer make_key() {
    key_pointer key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    require(key != nullptr);
    return key;
}

template <class Write>
std::string to_pem(Write write) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const memory(BIO_new(BIO_s_mem()), &BIO_free_all);
    require(memory && write(memory.get()) == 1);
    char* text = nullptr;
    auto const size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string to_pem(certificate_pointer const& certificate) {
    return to_pem([&](BIO* memory) { return PEM_write_bio_X509(memory, certificate.get()); });
}

std::string to_pem(key_pointer const& key) {
    return to_pem([&](BIO* memory) {
        return PEM_write_bio_PrivateKey(memory, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

void add_extension(X509* certificate, X509* issuer, int kind, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> const extension(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), &X509_EXTENSION_free);
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

/// Without an issuer it is signed with its own key.
certificate_pointer make_certificate(key_pointer const& key, certificate_wishes const& wishes,
                                     bool is_authority, certificate_pointer const& issuer,
                                     key_pointer const& issuer_key) {
    static std::atomic<long> serial = 1;
    certificate_pointer made(X509_new(), &X509_free);
    auto* const certificate = made.get();
    require(certificate != nullptr);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), static_cast<long>(wishes.valid_from.count()));
    X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(wishes.valid_until.count()));
    auto const* const name = reinterpret_cast<unsigned char const*>(wishes.name.c_str());
    auto* const subject = X509_get_subject_name(certificate);
    require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1);
    require(X509_set_pubkey(certificate, key.get()) == 1);
    auto* const by = issuer ? issuer.get() : certificate;
    require(X509_set_issuer_name(certificate, X509_get_subject_name(by)) == 1);
    if (is_authority) {
        add_extension(certificate, by, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(certificate, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(certificate, by, NID_ext_key_usage, wishes.usage);
        if (!wishes.alternatives.empty())
            add_extension(certificate, by, NID_subject_alt_name, wishes.alternatives);
    }
    require(X509_sign(certificate, (issuer_key ? issuer_key : key).get(), EVP_sha256()) > 0);
    return made;
}

}  // namespace

authority::authority(std::string const& name)
    : key_(make_key()),
      certificate_(make_certificate(key_, {.name = name}, true, nullptr, nullptr)),
      pem_(to_pem(certificate_)) {}

identity authority::issue(certificate_wishes const& wishes) const {
    auto const key = make_key();
    return {to_pem(make_certificate(key, wishes, false, certificate_, key_)), to_pem(key)};
}

identity self_signed(certificate_wishes const& wishes) {
    auto const key = make_key();
    return {to_pem(make_certificate(key, wishes, false, nullptr, nullptr)), to_pem(key)};
}

std::string encrypted(std::string const& key, std::string const& password) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const memory(
        BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), &BIO_free_all);
    key_pointer const parsed(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr),
                             &EVP_PKEY_free);
    require(parsed != nullptr);
    return to_pem([&](BIO* to) {
        return PEM_write_bio_PKCS8PrivateKey(to, parsed.get(), EVP_aes_256_cbc(), password.data(),
                                             static_cast<int>(password.size()), nullptr, nullptr);
    });
}

std::string pin_of_pem(std::string const& certificate) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const memory(
        BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())), &BIO_free_all);
    certificate_pointer const parsed(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), &X509_free);
    require(parsed != nullptr);
    std::vector<unsigned char> encoded(
        static_cast<std::size_t>(i2d_PUBKEY(X509_get0_pubkey(parsed.get()), nullptr)));
    auto* next = encoded.data();
    i2d_PUBKEY(X509_get0_pubkey(parsed.get()), &next);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(encoded.data(), encoded.size(), hash.data());
    std::array<unsigned char, 45> text{};
    EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
    return reinterpret_cast<char const*>(text.data());
}
