"""The page of `clozelab compare PATH... --html report.html`: finished runs to look at, in one file. Free of torch."""
