/* random.c - see random.h. */
#include "random.h"

size_t
random_between_log(struct test_random *random, size_t low, size_t high)
{
    size_t doublings = 0;
    while ((low << (doublings + 1)) <= high) {
        doublings++;
    }
    size_t base = low << random_below(random, doublings + 1);
    size_t size = base + random_below(random, base);
    return size < high ? size : high;
}

size_t
random_python_size(struct test_random *random, size_t most)
{
    static const size_t dominant[] = {32, 48, 56, 64, 80, 160};
    uint64_t dice = random_below(random, 1000);
    size_t size;

    if (dice < 550) {
        size = dominant[random_below(random, sizeof dominant / sizeof dominant[0])];
    } else if (dice < 850) {
        size = random_below(random, 513);
    } else if (dice < 955) {
        size = random_between_log(random, 512, 8192);
    } else if (dice < 988) {
        size = random_between_log(random, 8192, OURO_POOLED_MAX + 64);
    } else if (dice < 999) {
        size = random_between_log(random, OURO_POOLED_MAX, 1 << 20);
    } else {
        size = random_between_log(random, 1 << 20, 8 << 20);
    }
    return size <= most ? size : random_below(random, most + 1);
}

ouro_domain
random_domain(struct test_random *random)
{
    return (ouro_domain)random_below(random, OURO_N_DOMAINS);
}
