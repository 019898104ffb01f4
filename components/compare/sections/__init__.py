"""The sections of a report, each drawn from the comparison's facts."""
