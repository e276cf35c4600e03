"""Courses and class meetings, and the import of timetables."""
