/* input.h - a fuzzer's bytes, read one after the other; zeros behind the last. */
#ifndef OURO_TESTS_INPUT_H
#define OURO_TESTS_INPUT_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static inline unsigned
next_byte(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static inline size_t
next_word(struct input *input)
{
    size_t low = next_byte(input);
    return low | (size_t)next_byte(input) << 8;
}

/* Less than `bound`, which is at most 256. */
static inline size_t
next_below(struct input *input, size_t bound)
{
    return next_byte(input) % bound;
}

#endif
