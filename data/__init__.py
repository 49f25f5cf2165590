"""The sample tenant that ships with Trueup, and where runs are archived by default."""
