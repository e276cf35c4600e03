"""Faces: the web spaces of teachers, students and the secretariat, one module per screen."""
