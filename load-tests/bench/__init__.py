"""Measured runs in which contenders alternate: who takes part, how a run is driven, what it used, what becomes of the figures."""
