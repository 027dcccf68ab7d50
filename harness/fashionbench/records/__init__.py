"""The record of a cell: what was measured, on what, how, by what, and where the predictions are."""
