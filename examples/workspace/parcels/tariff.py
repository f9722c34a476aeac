"""The tariff table and the band a weight falls into."""

import csv
from pathlib import Path

TABLE = Path(__file__).parent.parent / "data" / "tariff.csv"


def bands() -> list[dict[str, str]]:
    """All bands, lightest first."""
    with TABLE.open(newline="") as table:
        return list(csv.DictReader(table))


def price_for(grams: int, zone: str) -> int:
    """Price in cents for a billable weight; ValueError when no band takes it."""
    if grams < 0:
        raise ValueError(f"a parcel cannot weigh {grams} g")
    for band in bands():
        if grams < int(band["limit_g"]):
            return int(band[zone])
    raise ValueError(f"{grams} g is heavier than the heaviest band")
