"""Leaderboards: comparable numbers side by side, and the rest apart with the reason."""

from __future__ import annotations

from fashionbench.boards.board import Board
from fashionbench.boards.references import Reported
from fashionbench.boards.table import MARKS, Head, Row, Signature, Table, Value

__all__ = ["MARKS", "Board", "Head", "Reported", "Row", "Signature", "Table", "Value"]
