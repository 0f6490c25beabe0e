// containers.cpp - blocks that the C++ library asks for, on behalf of these lines.
#include <cstring>
#include <map>
#include <string>
#include <vector>

struct Shop {
    std::map<int, std::string> names;
    std::vector<double> prices;

    __attribute__((noinline)) void fill(int n)
    {
        for (int i = 0; i < n; i++) {
            names[i] = std::string(1000, 'x');
            prices.push_back(i);
        }
    }
};

static Shop *volatile shop;
static char *volatile copy;

int
main()
{
    shop = new Shop;
    shop->fill(100);
    copy = strdup("a text that is kept");
    return 0;
}
