"""Numbers: loops that allocate next to nothing - a sieve, a Mandelbrot picture, dynamic programming, small matrices."""
import sys
import zlib

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 210


def sieve(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[0] = flags[1] = 0
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            for j in range(i * i, limit + 1, i):
                flags[j] = 0
    return sum(flags)


def mandelbrot(size):
    rows = bytearray()
    for row in range(size):
        ci = 2.0 * row / size - 1.0
        for column in range(size):
            cr = 3.0 * column / size - 2.0
            zr = zi = 0.0
            steps = 0
            while zr * zr + zi * zi < 4.0 and steps < 120:
                zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
                steps += 1
            rows.append(steps)
    return zlib.crc32(bytes(rows))


def common_length(first, second):
    row = [0] * (len(second) + 1)
    for a in first:
        corner = 0
        for j, b in enumerate(second):
            corner, row[j + 1] = row[j + 1], (corner + 1 if a == b else max(row[j], row[j + 1]))
    return row[-1]


def multiply(a, b, size):
    out = [0] * (size * size)
    for i in range(size):
        for j in range(size):
            total = 0
            for k in range(size):
                total += a[i * size + k] * b[k * size + j]
            out[i * size + j] = total % 10007
    return out


def main():
    primes = sieve(SIZE * 20000)
    picture = mandelbrot(SIZE + 80)
    first = bytes((i * i * 7 + i) % 251 for i in range(SIZE * 9))
    second = bytes((i * 13 + i // 5) % 251 for i in range(SIZE * 9))
    common = common_length(first, second)
    size = SIZE // 2 + 10
    a = [(i * 7919) % 10007 for i in range(size * size)]
    for _ in range(4):
        a = multiply(a, a, size)
    print("numeric", primes, common, sum(a), "%08x" % picture)


main()
