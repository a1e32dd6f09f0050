# Any text to C string literals, one per line.
s/["\\]/\\&/g
s/.*/"&\\n"/
