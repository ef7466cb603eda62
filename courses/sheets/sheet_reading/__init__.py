"""Attendance sheets filled in offline, read by the habits of those who make them.

Pure: cells in, a Reading out; no database, no clock. `read` never guesses: what a careful person
would have to ask is in `Reading.questions`, and the same file read again with `answers` applies
them. See questions.py for the codes of questions.
"""

from .model import Notice, Person, Question, Reading, Roster, Row, Session
from .reading import read

__all__ = ["Notice", "Person", "Question", "Reading", "Roster", "Row", "Session", "read"]
