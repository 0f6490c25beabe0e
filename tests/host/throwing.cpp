// throwing.cpp - blocks that are made while exceptions are in flight, in templates, lambdas and members.
#include <cstdlib>
#include <functional>
#include <stdexcept>

namespace shop {

static void *volatile kept[16];
static volatile int n_kept, after;

template <typename T>
__attribute__((noinline)) void
keep(T size)
{
    kept[n_kept++ % 16] = std::malloc(static_cast<std::size_t>(size));
    after = after + 1;
}

struct Guard {
    // Runs while the exception is on its way out.
    __attribute__((noinline)) ~Guard()
    {
        keep(30001);
        after = after + 1;
    }
};

__attribute__((noinline)) void
fail(int depth)
{
    Guard guard;
    if (depth == 0) {
        throw std::runtime_error("no");
    }
    fail(depth - 1);
    after = after + 1;
}

class Counter {
public:
    __attribute__((noinline)) int operator()(long size) const
    {
        keep(size);
        return after;
    }
};

} // namespace shop

int
main()
{
    try {
        shop::fail(2);
    } catch (const std::exception &) {
        shop::keep(30002);
    }
    std::function<int(long)> call = shop::Counter();
    shop::after = shop::after + call(30003);
    return 0;
}
