/* sample.h - which blocks are sampled, and what they stand for. */
#ifndef OURO_TRACE_SAMPLE_H
#define OURO_TRACE_SAMPLE_H

#include <stdint.h>

/* Bytes to the next sample, `mean` on average: exponentially distributed, so that each byte is as likely as any. */
int64_t ouro__sample_draw(uint64_t mean);

/* Bytes that a sampled block of `size` bytes stands for: size / (1 - exp(-size / mean)). */
uint64_t ouro__sample_weight(uint64_t size, uint64_t mean);

#endif
