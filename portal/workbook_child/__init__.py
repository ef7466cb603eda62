"""The child process that opens an uploaded spreadsheet, under limits, and prints its cells as JSON.

Run as a directory (`python -I workbook_child …`, see __main__.py) with the file on stdin. It must
start fast and may die at any moment (the native reader can abort the process), so it imports
nothing of Django and nothing else of this project.
"""
