"""`python -m parcels GRAMS LxWxH ZONE`: print a signed quote."""

import sys

from parcels.quote import Parcel, quote
from parcels.settings import load
from parcels.signing import sign


def main() -> int:
    """Quote the parcel named on the command line."""
    try:
        grams, size, zone = sys.argv[1:]
    except ValueError:
        print("usage: python -m parcels GRAMS LxWxH ZONE", file=sys.stderr)
        return 2
    length, width, height = (int(side) for side in size.split("x"))
    cents = quote(Parcel(int(grams), length, width, height), zone)
    settings = load()
    print(f"{zone} {grams} g: {cents / 100:.2f} EUR, signature {sign(settings['CARRIER_API_KEY'], cents)}")
    return 0


sys.exit(main())
