"""Actual and volumetric weight."""

CUBIC_CM_PER_KG = 5000


def volumetric_grams(length: int, width: int, height: int) -> int:
    """1 kg for every started 5000 cubic centimetres."""
    return -(-length * width * height // CUBIC_CM_PER_KG) * 1000


def billable_grams(grams: int, length: int, width: int, height: int) -> int:
    """The heavier of the two weights."""
    return max(grams, volumetric_grams(length, width, height))
