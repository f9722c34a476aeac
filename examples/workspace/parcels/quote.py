"""A quote: band price plus surcharges plus VAT."""

from typing import NamedTuple

from parcels.tariff import price_for
from parcels.weights import billable_grams

VAT_PERCENT = 19
BULKY_CM = 120
BULKY_CENTS = 2300


class Parcel(NamedTuple):
    """Weight in grams, sides in centimetres."""

    grams: int
    length: int
    width: int
    height: int


def quote(parcel: Parcel, zone: str) -> int:
    """Price in cents including VAT, rounded half up."""
    grams = billable_grams(parcel.grams, parcel.length, parcel.width, parcel.height)
    net = price_for(grams, zone)
    if max(parcel.length, parcel.width, parcel.height) > BULKY_CM:
        net += BULKY_CENTS
    return (net * (100 + VAT_PERCENT) + 50) // 100
