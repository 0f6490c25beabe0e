/* early_and_late.cpp - blocks before main and after it: constructors, thread-local destructors, atexit and static
 * destructors, and what lives from one to the other. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

static int errors;

static void
expect(bool condition, const char *what)
{
    if (!condition) {
        dprintf(2, "not so: %s\n", what);
        errors++;
    }
}

static std::vector<std::string> *from_constructor;

__attribute__((constructor(150))) static void
begin_early()
{
    from_constructor = new std::vector<std::string>;
    for (int i = 0; i < 1000; i++) {
        from_constructor->push_back(std::string(static_cast<std::size_t>(i), 'e'));
    }
}

__attribute__((destructor(150))) static void
end_late()
{
    for (int i = 0; i < 1000; i++) {
        expect((*from_constructor)[static_cast<std::size_t>(i)].size() == static_cast<std::size_t>(i),
               "a string from before main is whole after it");
    }
    delete from_constructor;
    void *last = std::malloc(100000);
    expect(last != nullptr, "malloc in a destructor");
    std::free(last);
    if (errors != 0) {
        _exit(1);
    }
}

struct Keeper {
    std::vector<int> numbers = std::vector<int>(5000, 7);
    ~Keeper()
    {
        expect(numbers[4999] == 7, "a static object is whole in its destructor");
        std::vector<int> more(20000, 8);
        numbers.swap(more);
    }
};

static Keeper keeper;
static thread_local Keeper of_thread;

static void
at_exit_allocate()
{
    std::string text(3000, 'x');
    expect(text.size() == 3000, "a string in an atexit handler");
}

int
main()
{
    std::atexit(at_exit_allocate);
    expect(from_constructor->size() == 1000, "the constructor has run");
    for (int round = 0; round < 20; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 10; i++) {
            threads.emplace_back([] { of_thread.numbers.push_back(9); });
        }
        for (auto &thread : threads) {
            thread.join();
        }
    }
    of_thread.numbers.push_back(1); /* main's own, destroyed by exit */
    std::puts("ok");
    return 0;
}
