"""Learning-rate schedules over optimizer steps."""
