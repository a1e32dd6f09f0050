/* SPDX-License-Identifier: Apache-2.0 */

/* The same for C++: namespaces, a template, a virtual method, a lambda, frames with destructors. */

#include <string>
#include <unistd.h>
#include <vector>

volatile unsigned sink;

namespace outer {

struct Guard {
        std::string text = "a string that is too long for the small buffer";
        ~Guard() { sink = sink + static_cast<unsigned>(text.size()); }
};

struct Base {
        virtual ~Base() = default;
        virtual unsigned run(unsigned x) = 0;
};

__attribute__((noinline)) unsigned spin(unsigned x) {
        if (write(STDOUT_FILENO, "ready\n", 6) != 6)
                throw x;
        for (;;)
                sink = sink + x;
}

template <typename T> struct Derived : Base {
        __attribute__((noinline)) unsigned run(unsigned x) override {
                Guard guard;

                return spin(x + sizeof(T)) + sink;
        }
};

template <typename T> __attribute__((noinline)) unsigned through(const std::vector<T> &values, Base *base) {
        Guard guard;
        unsigned sum = 0;

        for (const T &value : values)
                sum += base->run(static_cast<unsigned>(value));
        return sum;
}

} // namespace outer

int main() {
        outer::Derived<double> derived;

        try {
                return static_cast<int>(outer::through(std::vector<int>{ 1, 2, 3 }, &derived));
        } catch (unsigned) {
                return 1;
        }
}
