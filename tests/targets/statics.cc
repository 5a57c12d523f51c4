// A static constructor that prints and forks before main, as careless C++ does.
#include <cstdio>
#include <string>
#include <unistd.h>

struct Early {
    std::string words = "constructed in " + std::to_string(getsid(0));
    Early() { std::printf("%s\n", words.c_str()); }
};
static Early early;

int main()
{
    std::printf("main in %ld: %s\n", (long)getsid(0), early.words.c_str());
    std::fflush(stdout);
    pause();
}
