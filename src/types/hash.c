/* hash.c - hashes of bytes: SipHash-1-3 with a key of the process.
 *
 * @source  Aumasson, Bernstein, "SipHash: a fast short-input PRF" (2012); CPython Python/pyhash.c, siphash13() */
#include "types/types.h"
#include "types/packed.h"

#include <errno.h>
#include <stdlib.h>

static struct {
    ouro__os_lock lock;
    uint64_t key[2]; /* constant once `is_chosen` */
    bool is_chosen, has_seed;
} hashing = {.lock = OURO_OS_LOCK_INIT};

/* ---- the key ---- */

static void
seed_key(uint64_t seed)
{
    hashing.key[0] = ouro__mix_bits(seed + 0x9E3779B97F4A7C15U);
    hashing.key[1] = ouro__mix_bits(seed + 2 * 0x9E3779B97F4A7C15U);
    hashing.has_seed = true;
}

/* The number in the environment; false when there is none. */
static bool
environment_seed(uint64_t *seed)
{
    const char *text = getenv("OURO_HASH_SEED");
    char *end;

    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end != 0 || errno != 0) {
        return false;
    }
    *seed = number;
    return true;
}

void
ouro__hash_init(void)
{
    uint64_t seed;

    ouro__os_acquire(&hashing.lock);
    if (!hashing.is_chosen) {
        if (!hashing.has_seed && environment_seed(&seed)) {
            seed_key(seed);
        } else if (!hashing.has_seed) {
            hashing.key[0] = ouro__os_random();
            hashing.key[1] = ouro__os_random();
        }
        hashing.is_chosen = true;
    }
    ouro__os_release(&hashing.lock);
}

ouro_status
ouro_set_hash_seed(uint64_t seed)
{
    ouro__os_acquire(&hashing.lock);
    bool is_late = hashing.is_chosen;
    if (!is_late) {
        seed_key(seed);
    }
    ouro__os_release(&hashing.lock);
    return is_late ? OURO_BUSY : OURO_OK;
}

/* ---- SipHash-1-3 ---- */

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t
rotate(uint64_t bits, unsigned by)
{
    return bits << by | bits >> (64 - by);
}

static inline void
sip_round(struct sip *sip)
{
    sip->a += sip->b;
    sip->b = rotate(sip->b, 13) ^ sip->a;
    sip->a = rotate(sip->a, 32);
    sip->c += sip->d;
    sip->d = rotate(sip->d, 16) ^ sip->c;
    sip->a += sip->d;
    sip->d = rotate(sip->d, 21) ^ sip->a;
    sip->c += sip->b;
    sip->b = rotate(sip->b, 17) ^ sip->c;
    sip->c = rotate(sip->c, 32);
}

static inline void
sip_word(struct sip *sip, uint64_t word)
{
    sip->d ^= word;
    sip_round(sip);
    sip->a ^= word;
}

/* Up to seven bytes as the low end of a word. */
static inline uint64_t
load_few(const unsigned char *bytes, size_t n)
{
    if (n >= 4) {
        return ouro__load_4(bytes) | (uint64_t)ouro__load_4(bytes + n - 4) << (n - 4) * 8;
    }
    if (n == 0) {
        return 0;
    }
    return bytes[0] | (uint64_t)bytes[n >> 1] << (n >> 1) * 8 | (uint64_t)bytes[n - 1] << (n - 1) * 8;
}

uint64_t
ouro__siphash(const uint64_t key[2], const void *data, size_t n)
{
    const unsigned char *bytes = data, *end = bytes + (n & ~(size_t)7);
    struct sip sip = {key[0] ^ 0x736F6D6570736575U, key[1] ^ 0x646F72616E646F6DU,
                      key[0] ^ 0x6C7967656E657261U, key[1] ^ 0x7465646279746573U};

    for (; bytes != end; bytes += 8) {
        sip_word(&sip, ouro__load_8(bytes));
    }
    sip_word(&sip, (uint64_t)n << 56 | load_few(bytes, n & 7));
    sip.c ^= 0xFF;
    sip_round(&sip);
    sip_round(&sip);
    sip_round(&sip);
    return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

/* ---- of packed sequences ---- */

uint32_t
ouro__packed_make_hash(struct packed *packed)
{
    size_t size = ouro__packed_length(packed) * ouro__kind_width(ouro__packed_kind(packed));
    uint64_t bits = ouro__siphash(hashing.key, ouro__packed_data(packed), size);
    uint32_t hash = (uint32_t)(bits ^ bits >> 32);

    hash = hash != 0 ? hash : 1;
    __atomic_store_n(&packed->hash, hash, __ATOMIC_RELAXED);
    return hash;
}

ouro_status
ouro__hash_packed(ouro_loan self, uint64_t *hash)
{
    *hash = ouro__packed_hash_64((struct packed *)ouro_look(self));
    return OURO_OK;
}

size_t
ouro__packed_extra_size(ouro_loan self)
{
    const struct packed *packed = (const struct packed *)ouro_look(self);
    size_t length = ouro__packed_length(packed);
    enum packed_kind kind = ouro__packed_kind(packed);
    return length * ouro__kind_width(kind) + (kind == PACKED_BYTES) +
           (length >= PACKED_LONG ? sizeof(size_t) : 0);
}
