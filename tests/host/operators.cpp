/* operators.cpp - operator new and delete in all their forms. */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <new>
#include <unistd.h>

#define CHECK(condition)                                                                               \
    do {                                                                                               \
        if (!(condition)) {                                                                            \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            std::_Exit(1);                                                                             \
        }                                                                                              \
    } while (0)

static bool
is_aligned(const void *block, std::size_t alignment)
{
    return (reinterpret_cast<std::uintptr_t>(block) & (alignment - 1)) == 0;
}

struct alignas(256) Wide {
    char bytes[300];
};

static int n_handled;

static void
give_up_later()
{
    if (++n_handled == 3) {
        std::set_new_handler(nullptr);
    }
}

static void
check_plain()
{
    for (std::size_t size = 0; size < 100000; size += 1 + size / 8) {
        void *one = ::operator new(size), *row = ::operator new[](size);
        CHECK(one != nullptr && row != nullptr && one != row);
        std::memset(one, 1, size);
        std::memset(row, 2, size);
        ::operator delete(one, size);
        ::operator delete[](row, size);
        one = ::operator new(size, std::nothrow);
        row = ::operator new[](size, std::nothrow);
        CHECK(one != nullptr && row != nullptr);
        ::operator delete(one, std::nothrow);
        ::operator delete[](row, std::nothrow);
    }
    ::operator delete(nullptr);
}

static void
check_aligned()
{
    for (std::size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        auto as = static_cast<std::align_val_t>(alignment);
        for (std::size_t size : {std::size_t{0}, std::size_t{24}, std::size_t{5000}, std::size_t{90000}}) {
            void *one = ::operator new(size, as), *row = ::operator new[](size, as, std::nothrow);
            CHECK(one != nullptr && row != nullptr && one != row);
            CHECK(is_aligned(one, alignment) && is_aligned(row, alignment));
            std::memset(one, 1, size);
            std::memset(row, 2, size);
            ::operator delete(one, size, as);
            ::operator delete[](row, as);
        }
    }
    auto *wide = new Wide[7];
    CHECK(is_aligned(wide, 256) && is_aligned(&wide[6], 256));
    delete[] wide;
}

static void
check_failure()
{
    volatile std::size_t much = std::numeric_limits<std::ptrdiff_t>::max();
    bool thrown = false;

    try {
        void *block = ::operator new(much);
        ::operator delete(block);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown);
    CHECK(::operator new(much, std::nothrow) == nullptr);
    CHECK(::operator new(much, std::align_val_t{64}, std::nothrow) == nullptr);

    std::set_new_handler(give_up_later);
    CHECK(::operator new(much, std::nothrow) == nullptr && n_handled == 3);
    n_handled = 0;
    std::set_new_handler(give_up_later);
    thrown = false;
    try {
        void *block = ::operator new(much, std::align_val_t{4096});
        ::operator delete(block, std::align_val_t{4096});
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown && n_handled == 3);
}

int
main()
{
    check_plain();
    check_aligned();
    check_failure();
    std::puts("ok");
    return 0;
}
