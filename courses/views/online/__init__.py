"""Pages of what is studied without a meeting: lessons, discussions, groups, reading."""
