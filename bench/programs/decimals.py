"""Decimals and fractions: invoices with taxes and currencies, interest over the years, and digits of e."""
import random
import sys
import zlib
from decimal import ROUND_HALF_EVEN, Decimal, getcontext, localcontext
from fractions import Fraction

INVOICES = int(sys.argv[1]) if len(sys.argv) > 1 else 210000
CENT = Decimal("0.01")
TAXES = {"food": Decimal("0.07"), "books": Decimal("0.05"), "tools": Decimal("0.19")}
RATES = {"EUR": Decimal(1), "DKK": Decimal("7.4365"), "PLN": Decimal("4.5721"), "CHF": Decimal("1.0467")}


def make_invoice(rng):
    return [(rng.choice(sorted(TAXES)), Decimal(rng.randrange(1, 50000)) / 100, rng.randrange(1, 20))
            for _ in range(rng.randrange(1, 6))]


def invoice_total(lines, currency):
    net = {}
    for kind, price, count in lines:
        net[kind] = net.get(kind, Decimal(0)) + price * count
    gross = sum((amount + (amount * TAXES[kind]).quantize(CENT, ROUND_HALF_EVEN) for kind, amount in net.items()), Decimal(0))
    return (gross * RATES[currency]).quantize(CENT, ROUND_HALF_EVEN)


def digits_of_e(count):
    with localcontext() as context:
        context.prec = count + 10
        term = total = Decimal(1)
        for i in range(1, count):
            term /= i
            total += term
            if term.adjusted() < -count - 5:
                break
        return str(total)[:count]


def main():
    getcontext().prec = 28
    rng = random.Random(43)
    totals = {}
    for number in range(INVOICES):
        currency = rng.choice(sorted(RATES))
        totals.setdefault(currency, []).append(invoice_total(make_invoice(rng), currency))
    savings = []
    for start in range(1000, 1400):
        amount = Decimal(start)
        for _ in range(30):
            amount = (amount * Decimal("1.0275")).quantize(CENT, ROUND_HALF_EVEN)
        savings.append(amount)
    shares = Fraction(0)
    for i in range(1, 900):
        shares += Fraction(rng.randrange(1, 50), i)
    e = digits_of_e(700)
    crc = zlib.crc32(repr([(c, str(sum(v, Decimal(0))), str(max(v))) for c, v in sorted(totals.items())]).encode())
    crc = zlib.crc32((str(sum(savings, Decimal(0))) + str(shares) + e).encode(), crc)
    print("decimals", sum(map(len, totals.values())), str(shares.numerator % 1000007), "%08x" % crc)


main()
