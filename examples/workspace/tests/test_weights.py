import unittest

from parcels.weights import billable_grams, volumetric_grams


class Weights(unittest.TestCase):
    def test_every_started_kilogram_counts(self):
        self.assertEqual(volumetric_grams(10, 10, 51), 2000)

    def test_the_heavier_weight_counts(self):
        self.assertEqual(billable_grams(4200, 40, 30, 20), 5000)
        self.assertEqual(billable_grams(9000, 40, 30, 20), 9000)
