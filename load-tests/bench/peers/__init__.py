"""Other products that do the same work, one file each. Each says what it keeps when the machine stops and how it was set, in words."""
