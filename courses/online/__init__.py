"""Study that needs no meeting (移动课堂): lessons, study groups with their pushes and discussions,
reflections, the red e-book bag."""
