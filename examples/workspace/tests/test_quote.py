import unittest

from parcels.quote import Parcel, quote


class Quote(unittest.TestCase):
    def test_price_with_vat(self):
        self.assertEqual(quote(Parcel(300, 20, 10, 2), "DE"), 594)

    def test_bulky_parcels_cost_more(self):
        self.assertEqual(quote(Parcel(9000, 130, 10, 10), "DE"), 3866)
