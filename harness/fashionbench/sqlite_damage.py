"""What a damaged SQLite file raises, for caches in such files: their damage is a miss and no error."""

from __future__ import annotations

import sqlite3

#: Of a damaged name of a table the message of sqlite is no text, which is the second.
DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
