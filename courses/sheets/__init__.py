"""Attendance sheets as secretaries make them: read, planned, written, taken back; and exported."""
