"""The phrases by which the classifier knows an intent, in one notation and grouped by what they are about."""
