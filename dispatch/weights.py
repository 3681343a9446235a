"""The weight of an agent: what it may be."""

WEIGHT_DEFAULT = 100
WEIGHT_MIN = 10
WEIGHT_MAX = 1000
