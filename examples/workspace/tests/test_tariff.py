import unittest

from parcels.tariff import price_for


class Tariff(unittest.TestCase):
    def test_inside_a_band(self):
        self.assertEqual(price_for(1200, "EU"), 890)

    def test_the_limit_belongs_to_the_band(self):
        self.assertEqual(price_for(2000, "EU"), 890)

    def test_a_letter_may_weigh_nothing(self):
        self.assertEqual(price_for(0, "DE"), 289)

    def test_too_heavy(self):
        with self.assertRaises(ValueError):
            price_for(31501, "DE")
