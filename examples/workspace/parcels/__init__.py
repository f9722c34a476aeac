"""Quote the price of a parcel."""
