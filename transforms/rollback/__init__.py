"""From an applied run to the plan that undoes it."""
