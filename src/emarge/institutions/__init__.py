"""Institution codes, students, teachers, groups, rooms and subjects, and the import of people."""
